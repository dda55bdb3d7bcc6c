/** What all events share. */
export interface EventBase {
  /** Place in the one total order, from 0; also the logical time. */
  readonly seq: number;
  readonly task: string;
  /** The program step on whose behalf this happens; null outside any. */
  readonly step: string | null;
  /** Atomic context: fence callbacks and owner hooks run there and must not sleep. */
  readonly atomic: boolean;
}
