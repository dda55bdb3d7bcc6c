import type { Fence, FenceCallback, Poller, SyncFile } from "../../spec/roles/handles.ts";

/** `struct sync_file`, with the descriptor it has. */
export class ReferenceSyncFile implements SyncFile {
  readonly number: number;
  readonly closeOnExec: boolean;
  readonly fence: Fence;
  open = true;
  /** Who sleeps on it. */
  readonly pollers: Poller[] = [];
  /** Wakes them; `POLL_ENABLED`: whether it was ever handed to the fence. */
  readonly callback: FenceCallback;
  pollEnabled = false;

  constructor(number: number, closeOnExec: boolean, fence: Fence, wake: (file: ReferenceSyncFile) => void) {
    this.number = number;
    this.closeOnExec = closeOnExec;
    this.fence = fence;
    this.callback = { run: () => wake(this) };
  }
}
