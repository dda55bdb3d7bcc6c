import type { AccessEvent } from "../../spec/event.ts";
import type { State } from "../../spec/state/state.ts";
import { on, type Verdict } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { accessPhase, coveringFence } from "../shared/access-phase.ts";
import { derived, doc } from "../source.ts";
import { onJobAccess } from "./job-access.ts";
import { jobsAcrossMoves, lateUnmaps } from "./situations.ts";

/** Where the importer's device touches what the mapping showed; false for an address that was never part of it. */
function isInside(state: State, { mapping, address }: AccessEvent): boolean {
  const segments = mapping === null ? undefined : state.mappings.get(mapping)?.segments;
  return segments?.some((segment) => address >= segment.address && address < segment.address + segment.length) === true;
}

/** Up to 7.0 an invalidate says nothing to a pinned importer: its memory stays. */
function isExempt(state: State, event: AccessEvent, verdict: Verdict): boolean {
  return !verdict.profile.boundedUnmap && (state.attachments.get(event.attachment)?.pins ?? 0) > 0;
}

export const move08: Rule = {
  id: "MOVE-08",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A dynamic importer starts no device work on a mapping made before the callback; the next work uses a mapping made after it.",
  intent: "Old addresses will soon belong to another buffer, and the job would read or overwrite that.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings", "7.2"),
    doc("include/linux/dma-buf.h", "struct dma_buf_attach_ops, move_notify: recreate as soon as possible", "6.12"),
  ],
  needs: ["importerCallback"],
  hints: [
    "Does job submission look at the stale mark under the reservation lock?",
    "Are addresses copied into command buffers or descriptors that outlive the mapping?",
  ],
  situation: jobsAcrossMoves,
  status: checked,
  monitor: onJobAccess(({ event, name, start, callback, staleBy, after }, state, verdict) => {
    if (start.seq < callback.seq || isExempt(state, event, verdict)) return;
    verdict.exercised();
    if (staleBy !== null && after)
      verdict.violated(
        `${name} begins after the callback of ${event.attachment} and still uses ${event.mapping ?? ""}, made before it`,
        staleBy,
        start,
      );
  }),
};

export const move09: Rule = {
  id: "MOVE-09",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Device access through an old mapping that goes on after the callback lies before the signal of one of the importer's own fences, and that fence was already published when the callback returned.",
  intent: "The exporter waits for fences only; access it cannot see goes on while the memory is given away.",
  sources: [
    doc("include/linux/dma-buf.h", "DYNAMIC IMPORTER RULES"),
    derived("the first wait of dma_buf_invalidate_mappings (7.2)"),
  ],
  needs: ["importerCallback", "importerFence"],
  temporal: ["T-01"],
  hints: [
    "Does every running job have its fence in the object, background work and page-table updates included?",
    "Does the fence signal after the last access, or when the next stage may start?",
  ],
  situation: jobsAcrossMoves,
  status: checked,
  monitor: on({
    access(event, state, verdict) {
      const phase = accessPhase(state, event);
      if ((phase !== "covered" && phase !== "retired") || isExempt(state, event, verdict)) return;
      if (event.access === "speculativeRead") return;
      verdict.exercised();
      if (phase === "covered") return;
      const name = event.mapping ?? "";
      verdict.violated(
        `the device of ${event.importer} goes on with a ${event.access} through ${name} after the callback, and no pending fence of ${event.importer} was there when it returned`,
        verdict.since("mappings", name, "stale"),
        verdict.since("mappings", name, "grace"),
      );
    },
  }),
};

export const move10: Rule = {
  id: "MOVE-10",
  level: "MUST",
  obliged: ["importer"],
  statement: "After the callback has returned, the importer adds no fence for work on an old mapping.",
  intent:
    "The exporter has taken its list of fences by then; a later one is not waited for, or keeps the old place busy for ever.",
  sources: [derived("MOVE-08 and MOVE-09")],
  needs: ["importerCallback"],
  temporal: ["T-01"],
  hints: [
    "Can a job that was prepared before the callback be submitted after it?",
    "Is the fence added in the same lock hold in which the mapping was checked?",
  ],
  situation: jobsAcrossMoves,
  status: checked,
  monitor: onJobAccess(({ event, name, callback, staleBy, added }, state, verdict) => {
    if (isExempt(state, event, verdict)) return;
    for (const add of added) {
      // Others may hand the fence round, through a sync file for one.
      if (add.seq < callback.seq || add.by !== event.importer) continue;
      verdict.exercised();
      if (staleBy !== null && add.seq > staleBy.seq)
        verdict.violated(
          `${event.importer} added ${add.fence} for ${name} after the callback, although ${name} works on ${event.mapping ?? ""}, made before it`,
          staleBy,
          add,
        );
    }
  }),
};

export const move11: Rule = {
  id: "MOVE-11",
  level: "MAY",
  obliged: ["exporter"],
  statement:
    "Until the fences present at the return of the callback have retired, importers are free to read and write the old place, and the exporter keeps it whole and does not object.",
  intent:
    "Running jobs cannot be called back, so an exporter that takes this access for an error breaks correct importers.",
  sources: [doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings, first wait", "7.2")],
  needs: ["importerCallback"],
  temporal: ["T-01"],
  hints: [
    "Is the old place closed off right after the invalidate?",
    "Does the copy to the new place start before late writes to the old one are done?",
  ],
  situation: jobsAcrossMoves,
  status: checked,
  monitor: on({
    access(event, state, verdict) {
      if (accessPhase(state, event) !== "covered" || !isInside(state, event)) return;
      const mapping = state.mappings.get(event.mapping ?? "")!;
      // Without the waits of a synchronous revoke nobody promises anything for what was revoked.
      if (!verdict.profile.synchronousRevoke && state.buffers.get(mapping.buffer)?.access !== "accessible") return;
      verdict.exercised();
      const fence = coveringFence(state, mapping) ?? "";
      if (event.answer === "fault")
        verdict.violated(`${event.mapping ?? ""} leads nowhere while ${fence} still covers its use`);
      else if (!mapping.segments.some(({ storage }) => storage === event.storage))
        verdict.violated(`${event.mapping ?? ""} leads to ${event.storage ?? ""} while ${fence} covers its use`);
      else if (state.resources.get(event.storage ?? "")?.live === false)
        verdict.violated(
          `${event.storage ?? ""} is freed while ${fence} covers the use of ${event.mapping ?? ""}`,
          verdict.since("resources", event.storage ?? "", "live"),
        );
    },
  }),
};

export const move12: Rule = {
  id: "MOVE-12",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Between the end of those fences and its unmap, the importer's device at most reads the old place speculatively and throws the data away; it never writes.",
  intent: "From the first wait on the exporter counts the old place as free of writers and may hand it on.",
  sources: [doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings, second wait", "7.2")],
  from: "K7.1",
  needs: ["importerCallback"],
  temporal: ["T-01", "T-02"],
  hints: [
    "Does the device write back caches, status words or access bits after the job's fence?",
    "Can a read whose result is used still be in flight then?",
  ],
  situation: lateUnmaps,
  status: checked,
  monitor: on({
    access(event, state, verdict) {
      if (accessPhase(state, event) !== "retired") return;
      verdict.exercised();
      const name = event.mapping ?? "";
      if (event.access !== "speculativeRead")
        verdict.violated(
          `the device of ${event.importer} makes a ${event.access} through ${name}, whose fences are over and which is only to be unmapped`,
          verdict.since("mappings", name, "stale"),
          verdict.since("mappings", name, "grace"),
        );
    },
  }),
};

export const rules: readonly Rule[] = [move08, move09, move10, move11, move12];
