// One test per rule in your own runner. Run it with `npx vitest run --dir examples`.
import { describe, it } from "vitest";
import { conformance } from "dmabuf-conformance";
import exporterPlain from "./exporter-plain.mjs";

conformance({ describe, it }, exporterPlain, { budget: 20_000 });
