import { on, remember } from "../../contracts/monitor.ts";
import { checked } from "../../contracts/rule-text.ts";
import type { Rule } from "../../contracts/rule.ts";
import type { Source } from "../../contracts/source.ts";
import type { RetEvent } from "../../spec/event.ts";
import type { State } from "../../spec/state/state.ts";
import { judgePlace, reachedBy, type Homes } from "./reached.ts";
import { judgeRevoked } from "./revoked.ts";

/** Whose copies are behind fences: that of a move is published just before the move is told. */
class Copies {
  /** The KERNEL fence that an exporter added last. */
  readonly added = new Map<string, string>();
  /** The buffer whose content the work behind a fence brings. */
  readonly of = new Map<string, string>();
}

/** What an importer with a page table of its own owes to a buffer, seen from what its device reaches. */
export function pfnRules(homes: Homes, sources: readonly Source[]): readonly Rule[] {
  const reached = (event: RetEvent<"touch">, state: State) => reachedBy(homes, event, state);
  return [
    {
      id: "PFN-01",
      level: "MUST",
      obliged: ["importer"],
      statement: "Through its page table an importer reaches a buffer where it is now, from the callback of a move on.",
      intent: "After a move the old page belongs to somebody else.",
      sources,
      hints: ["Is the entry made under the lock under which the pfn was found, and taken out by the callback?"],
      status: checked,
      situation: { weights: { move: 8 }, tasks: 2, pauses: 0.2 },
      monitor: on({
        "ret touch"(event, state, verdict) {
          const place = event.atomic ? null : reached(event, state);
          if (place !== null) judgePlace(event, place, verdict);
        },
      }),
    },
    {
      id: "PFN-02",
      level: "MUST",
      obliged: ["importer", "exporter"],
      statement: "Memory that a page table or a job reaches by its pfn is not freed.",
      intent: "Whoever gets the page next is written to by a device that it knows nothing of.",
      sources,
      hints: ["Does the exporter wait for the fences before it frees?"],
      status: checked,
      situation: { weights: { move: 4, put: 4 } },
      monitor: on({
        "ret touch"(event, state, verdict) {
          const place = reached(event, state);
          const memory = place === null ? undefined : state.resources.get(place.target);
          if (place === null || memory === undefined) return;
          verdict.exercised();
          if (!memory.live)
            verdict.violated(
              `${event.by} reaches ${place.target} after it was freed`,
              verdict.since("resources", place.target, "live"),
            );
        },
      }),
    },
    {
      id: "PFN-03",
      level: "MUST",
      obliged: ["importer", "exporter"],
      statement: "Nothing reaches a buffer by its pfn once a revoke of it has returned.",
      intent: "The exporter powers the device down, or gives it to somebody else.",
      sources,
      hints: ["Does the exporter look at the flag under the lock?"],
      status: checked,
      situation: { weights: { revoke: 12, unrevoke: 6 }, tasks: 2, pauses: 0.35 },
      monitor: on({
        "ret touch"(event, state, verdict) {
          const place = reached(event, state);
          if (place !== null) judgeRevoked(event.by, place.name, true, state, verdict);
        },
      }),
    },
    {
      id: "PFN-04",
      level: "MUST",
      obliged: ["importer"],
      statement: "A job that uses a pfn has an unsignaled fence in the buffer's reservation until it is done.",
      intent: "Moves and revokes wait for fences and for nothing else.",
      sources,
      hints: ["Is the fence added in the hold in which the pfn was found, and signaled after the last access?"],
      status: checked,
      monitor: on({
        "ret touch"(event, state, verdict) {
          const place = event.atomic ? reached(event, state) : null;
          if (place === null) return;
          verdict.exercised();
          const entries = state.reservations.get(place.buffer.resv)?.entries ?? [];
          const covered = entries.some(({ fence }) => {
            const row = state.fences.get(fence);
            return row?.by === event.by && !row.signaled;
          });
          if (!covered) verdict.violated(`a job of ${event.by} touches ${place.name} and no fence says so`);
        },
      }),
    },
    {
      id: "PFN-05",
      level: "MUST",
      obliged: ["importer"],
      statement: "A pfn is used only when the copy that brings the content there is over.",
      intent: "The page still has what somebody else left in it.",
      sources,
      hints: ["Are the kernel fences waited for under the lock?"],
      status: checked,
      situation: { weights: { move: 8 } },
      monitor: remember(() => new Copies(), {
        "ret addFence"({ by, errno, fence, usage }, _state, _verdict, copies) {
          if (errno === 0 && usage === "kernel") copies.added.set(by, fence);
        },
        epoch({ change, buffer }, state, _verdict, { added, of }) {
          const fence = added.get(state.buffers.get(buffer)?.exporter ?? "");
          if (change === "move" && fence !== undefined) of.set(fence, buffer);
        },
        "ret touch"(event, state, verdict, { of }) {
          const place = event.atomic ? null : reached(event, state);
          if (place === null || place.target !== place.buffer.storage) return;
          verdict.exercised();
          const entries = state.reservations.get(place.buffer.resv)?.entries ?? [];
          // Buffers that share the reservation have copies of their own in it.
          const copy = entries.find(
            ({ fence, usage }) =>
              usage === "kernel" && of.get(fence) === place.name && state.fences.get(fence)?.signaled === false,
          );
          if (copy !== undefined)
            verdict.violated(
              `${event.by} touches ${place.name} while the copy behind ${copy.fence} runs`,
              verdict.since("reservations", place.buffer.resv, "entries"),
            );
        },
      }),
    },
  ];
}
