import type { MirrorImporter } from "../../../reference-impl/importers/mirror-importer.ts";
import type { ReferenceSpaces } from "../../../reference-impl/spaces/spaces.ts";
import { faultyPart, inExporter } from "../faulty.ts";

/** A fault in the importer that mirrors address spaces. */
export const faultyMirror = faultyPart<MirrorImporter>((mirror) => ({ importers: { mirror } }));

/** A fault in the address spaces themselves. */
export const faultySpaces = faultyPart<ReferenceSpaces>((spaces) => ({ spaces }));

/** A fault in the exporter whose memory VMAs show. */
export const faultyPeer = inExporter;
