import type { Verdict } from "../../contracts/monitor.ts";
import { isContested } from "../../spec/state/observe/rows.ts";
import type { State } from "../../spec/state/state.ts";

/** A device may have reached a buffer. Nobody does while it is revoked; what somebody is changing just now is left alone. */
export function judgeRevoked(by: string, name: string, reached: boolean, state: State, verdict: Verdict): void {
  const buffer = state.buffers.get(name);
  if (buffer === undefined || isContested(state, buffer, name)) return;
  verdict.exercised();
  if (reached && (buffer.access === "revoked" || buffer.access === "revokedForever"))
    verdict.violated(`${by} reaches ${name} although it is revoked`, verdict.since("buffers", name, "access"));
}
