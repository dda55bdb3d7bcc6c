import type { AttachmentOps } from "./calls.ts";
import type { Errno } from "./errno.ts";
import type { OperationName, StepArgs } from "./operations/operations.ts";
import type { DeviceTraits, PlatformSetup } from "./platform.ts";
import type { Placement } from "./roles/handles.ts";

/** Version of the program format. Readers refuse any other. */
export const programSchema = 1;

/** The contract whose operations `operations` lists. */
export const coreContractName = "core";

/** A device of the set-up. Traits that it does not name are those of `plainDevice`. */
export interface DeviceSetup extends Partial<DeviceTraits> {
  readonly name: string;
  /** Address bits the device can send, 12 to 52. */
  readonly dmaBits: number;
  /** Largest segment in bytes, a multiple of the page size or not. */
  readonly maxSegment: number;
}

/**
 * An exporter. `subject`: the implementation under test drives itself. Any other kind names a partner
 * (`scripted` lets the program make its contract calls too).
 */
export interface ExporterSetup {
  readonly name: string;
  readonly kind: string;
  readonly device: string;
}

/** How a scripted importer answers an invalidate. `fence`: covers its accesses with a BOOKKEEP fence and unmaps later. */
export type InvalidatePolicy = "unmap" | "defer" | "fence" | "ignore";

export interface ImporterSetup {
  readonly name: string;
  readonly kind: string;
  readonly device: string;
  /** For scripted importers: their ops record. Subjects bring their own. */
  readonly ops: AttachmentOps;
  readonly allowPeer2peer: boolean;
  readonly onInvalidate: InvalidatePolicy;
}

export interface BufferSetup {
  readonly name: string;
  readonly exporter: string;
  /** Bytes, 1 to 2^40. */
  readonly size: number;
  readonly placement: Placement;
  /** A reservation object of the set-up to share, or null for a private one, named `<buffer>.resv`. */
  readonly resv: string | null;
  /** Memory of a confidential guest that is shared with its host (7.1). */
  readonly shared?: true;
}

/** The world a program runs in. */
export interface Setup {
  readonly devices: readonly DeviceSetup[];
  readonly exporters: readonly ExporterSetup[];
  readonly importers: readonly ImporterSetup[];
  readonly buffers: readonly BufferSetup[];
  /** Reservation objects that belong to no buffer or are shared by several. */
  readonly reservations: readonly string[];
  /** The PCI tree; absent: one host bridge that passes all peer traffic. */
  readonly platform?: PlatformSetup;
}

/** One step. `interrupted`: a signal is pending when it begins. `misuse`: the kernel only reports it and goes on. */
export type Step<K extends OperationName = OperationName> = {
  [P in K]: {
    readonly id: string;
    readonly task: string;
    readonly op: P;
    readonly interrupted?: true;
    readonly misuse?: true;
  } & StepArgs<P>;
}[K];

/**
 * At the `nth` (from 1) passage of `site` in `step`, its task pauses until step `until` has ended or blocked,
 * or with `idle` until nobody else can run.
 */
export interface Preemption {
  readonly step: string;
  readonly site: string;
  readonly nth: number;
  readonly until: string;
}

/** The `nth` (from 1) passage of `site` in `step` fails with `errno`. */
export interface Failure {
  readonly step: string;
  readonly site: string;
  readonly nth: number;
  readonly errno: Errno;
}

/** A program: plain data, replayed without a seed. */
export interface Program {
  readonly schema: typeof programSchema;
  /** The contract whose operations it uses: `core`, or name and hash of one beside it, as `get-pfn@3f2a…`. */
  readonly contract: string;
  /** A series (`K7.1`), or a series with its move-notify switch on (`K6.12+moveNotify`). */
  readonly profile: string;
  readonly setup: Setup;
  readonly steps: readonly Step[];
  readonly schedule: readonly Preemption[];
  readonly failures: readonly Failure[];
}
