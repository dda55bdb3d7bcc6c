import type { RetEvent } from "../../spec/event.ts";
import type { HelperEvent } from "../../spec/platform-event.ts";
import type { State } from "../../spec/state/state.ts";
import type { Verdict } from "../monitor.ts";

interface Table {
  readonly made: HelperEvent;
  /** Space and mappings behind it, by their names in the state. */
  readonly owns: readonly string[];
}

/** P2P-27: tables that the helper for ranges made, and what is behind each. */
export class HelperTables {
  private readonly live = new Map<string, Table>();

  judge(event: HelperEvent, state: State, verdict: Verdict): void {
    if (event.op === "freeSgt") {
      this.judgeFree(event, state, verdict);
      return;
    }
    const device = state.attachments.get(event.attachment ?? "")?.device;
    if (device === undefined) return;
    const loose = this.unowned(state, device);
    if (event.errno === 0 && event.table !== null) {
      this.live.set(event.table, { made: event, owns: loose });
      return;
    }
    verdict.exercised();
    if (loose.length > 0)
      verdict.violated(`the helper fails for ${event.attachment ?? "?"} and leaves ${loose.join(", ")} behind`);
  }

  judgeDetach(event: RetEvent<"detach">, verdict: Verdict): void {
    for (const [name, { made }] of this.live) {
      if (made.attachment !== event.attachment || event.attachment === null) continue;
      verdict.exercised();
      verdict.violated(
        `${event.attachment} is detached, and ${name}, which the helper made, was never given back to it`,
        made,
      );
    }
  }

  private judgeFree(event: HelperEvent, state: State, verdict: Verdict): void {
    verdict.exercised();
    const table = this.live.get(event.table ?? "");
    this.live.delete(event.table ?? "");
    if (table === undefined) {
      verdict.violated(
        `${event.table ?? "a table"} is given back to the helper, which has not made it or has it back already`,
      );
      return;
    }
    const loose = this.unowned(state, state.attachments.get(event.attachment ?? "")?.device ?? "");
    const left = table.owns.find((name) => loose.includes(name));
    if (left !== undefined) verdict.violated(`${left} of ${event.table ?? "?"} stays behind`, table.made);
  }

  /** What the framework has mapped for a device and no table accounts for, each by its address or name. */
  private unowned(state: State, device: string): readonly string[] {
    const owned = [...this.live.values()].flatMap(({ owns }) => owns);
    const found: string[] = [];
    for (const rows of [state.dmaEntries, state.iovaSpaces])
      for (const [name, row] of rows) {
        if (row.by !== "framework" || row.device !== device) continue;
        // The same address may be mapped several times: which of them is whose does not matter.
        const address = name.split("#")[0]!;
        const at = owned.indexOf(address);
        if (at < 0) found.push(address);
        else owned.splice(at, 1);
      }
    return found;
  }
}
