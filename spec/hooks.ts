import type { ArgsIn, ResultsIn } from "./call-record.ts";
import type { BracketArgs, MapResult, MmapArgs, VmapResult } from "./calls.ts";
import type { faultHooks } from "./calls/faults.ts";
import type { negotiationHooks } from "./calls/negotiation.ts";
import type { spaceHooks } from "./calls/spaces.ts";
import type { Direction } from "./roles/handles.ts";

/** Arguments of every hook as a history records them. */
export interface HookArgs
  extends ArgsIn<typeof spaceHooks>, ArgsIn<typeof faultHooks>, ArgsIn<typeof negotiationHooks> {
  readonly attach: { readonly buffer: string; readonly attachment: string; readonly peer2peer: boolean };
  readonly detach: { readonly buffer: string; readonly attachment: string };
  readonly pin: { readonly attachment: string };
  readonly unpin: { readonly attachment: string };
  readonly map: { readonly attachment: string; readonly direction: Direction };
  readonly unmap: { readonly attachment: string; readonly direction: Direction; readonly table: string | null };
  readonly release: { readonly buffer: string };
  readonly beginCpu: BracketArgs;
  readonly endCpu: BracketArgs;
  readonly vmap: { readonly buffer: string };
  readonly vunmap: { readonly buffer: string; readonly address: string | null };
  readonly mmap: MmapArgs;
  /** A user touched a page that has no entry yet. */
  readonly cpuFault: { readonly buffer: string; readonly view: string; readonly page: number };
  /** To whoever sleeps in a poll. */
  readonly pollWake: { readonly poller: string; readonly input: boolean; readonly output: boolean };
  /** To an importer. */
  readonly invalidate: { readonly attachment: string };
  /** To a fence's owner. */
  readonly enableSignaling: { readonly fence: string };
  readonly signaled: { readonly fence: string };
  readonly fenceWait: { readonly fence: string; readonly interruptible: boolean; readonly timeout: number };
  readonly fenceRelease: { readonly fence: string };
  readonly fenceDeadline: { readonly fence: string; readonly deadline: number };
  /** A registered fence callback. */
  readonly callback: { readonly fence: string; readonly callback: string };
}

/** What a hook answers beside its errno. */
export interface HookResults
  extends ResultsIn<typeof spaceHooks>, ResultsIn<typeof faultHooks>, ResultsIn<typeof negotiationHooks> {
  readonly attach: { readonly peer2peer: boolean };
  readonly map: MapResult;
  readonly vmap: VmapResult;
  readonly enableSignaling: { readonly answer: boolean };
  readonly signaled: { readonly answer: boolean };
  readonly fenceWait: { readonly result: number };
}

export type HookName = keyof HookArgs;
