import type { DeviceTraits } from "./platform.ts";
import type { OperationName } from "./operations/operations.ts";

/** Data for the generator: what makes a rule decide something. Never an interleaving. */
export interface Situation {
  /** Operations to draw more often, with factors. */
  readonly weights?: Partial<Readonly<Record<OperationName, number>>>;
  /** Failure sites to inject. */
  readonly failures?: readonly { readonly site: string; readonly errno: number }[];
  /** Intended failures and reported misuse to draw on purpose. */
  readonly misuse?: readonly OperationName[];
  /** Kinds of importers, exporters and sizes the set-up needs. */
  readonly importers?: readonly string[];
  /** Importers that the program plays have a callback: exporters that revoke or move refuse the others. */
  readonly callbacks?: true;
  readonly exporters?: readonly string[];
  /** Buffer sizes in bytes. */
  readonly sizes?: readonly number[];
  /** Largest segments of devices in bytes. */
  readonly maxSegments?: readonly number[];
  /**
   * The set-up describes a platform, and these traits of devices are drawn more often than not. `direct`: all
   * below one switch. `apart`: exporters and importers on root buses, with nothing but a host bridge between them.
   */
  readonly platform?: readonly (keyof DeviceTraits | "tree" | "direct" | "apart" | "shared" | "noPeers")[];
  /** At least that many buffers. */
  readonly buffers?: number;
  /** Several tasks and preemptions are needed. */
  readonly tasks?: number;
  /** Probability of a pause at a preemption point. */
  readonly pauses?: number;
  /** Send interruptions. */
  readonly interrupts?: boolean;
}
