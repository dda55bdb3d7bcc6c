import type { Rule } from "../rule.ts";
import { EINVAL, EOPNOTSUPP, errnoName } from "../../spec/errno.ts";
import type { CallEvent } from "../../spec/event.ts";
import { frameOf, type State } from "../../spec/state/state.ts";
import { on, remember } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import { derived, proposal, thread } from "../source.ts";
import { entriesOf, guestWorld, isChangingHands, slotOfTable } from "./lookup.ts";

/** Whether memory belongs to a guest. */
function isPrivate(state: State, buffer: string): boolean {
  return (state.rights.get(buffer)?.owner ?? null) !== null;
}

/** FAULT-11: a bind that has found nothing wrong with the slice. */
function noteBind(event: CallEvent<"negotiate"> | CallEvent<"attach">, state: State, accepted: Set<number>): void {
  const bind = frameOf(state.tasks.get(event.task), "bindSlot");
  if (bind !== undefined) accepted.add(bind.seq);
}

export const fault11: Rule = {
  id: "FAULT-11",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A region bound to a dma-buf may be any slice of it, and one that reaches past its end is refused with EINVAL.",
  intent: "A guest would otherwise reach device memory that the buffer does not cover.",
  sources: [proposal("2025 RFC, dma_buf_get_pfn_unlocked and KVM private MMIO, with its review")],
  needs: ["guests", "pfn"],
  hints: ["Can offset plus size wrap around before the comparison?"],
  status: checked,
  situation: { weights: { ...guestWorld, bindSlot: 25 }, importers: ["guest"], exporters: ["subject"] },
  monitor: remember(() => new Set<number>(), {
    "call negotiate": (event, state, _verdict, accepted) => noteBind(event, state, accepted),
    "call attach": (event, state, _verdict, accepted) => noteBind(event, state, accepted),
    "ret bindSlot"(event, state, verdict, accepted) {
      const buffer = state.buffers.get(event.buffer);
      if (buffer === undefined || event.errno === EOPNOTSUPP) return;
      const inside = event.offset + event.length <= buffer.size;
      const attached = accepted.delete(event.call);
      // From there on a failure is about something else.
      if (inside && attached && event.errno !== 0) return;
      verdict.exercised();
      if (inside && event.errno === EINVAL)
        verdict.violated(
          `${event.length} bytes from ${event.offset} of ${event.buffer}, which has ${buffer.size}, are refused`,
        );
      else if (!inside && event.errno !== EINVAL)
        verdict.violated(
          `${event.length} bytes from ${event.offset} of ${event.buffer}, which has ${buffer.size}, are bound with ${errnoName(event.errno)}`,
        );
    },
  }),
};

export const fault12: Rule = {
  id: "FAULT-12",
  level: "MUST",
  obliged: ["importer", "exporter"],
  statement:
    "Private MMIO is installed only for the guest that its exporter bound it to, and the host CPU cannot reach it.",
  intent: "Another guest would read the secrets, and a host access raises a machine check.",
  sources: [
    proposal("2025 RFC, dma_buf_get_pfn_unlocked and KVM private MMIO"),
    thread("000", "secure memory must not be mmapped and needs an importer that understands it"),
  ],
  needs: ["guests", "pfn"],
  hints: ["Is the owner compared at each install?", "Do mmap and vmap of the buffer fail?"],
  status: checked,
  situation: { weights: { ...guestWorld, makePrivate: 12 }, importers: ["guest"], exporters: ["subject"], buffers: 2 },
  monitor: on({
    "call install"(event, state, verdict) {
      const slot = slotOfTable(state, event.table);
      const owner = state.rights.get(slot?.buffer ?? "")?.owner ?? null;
      if (slot === undefined || owner === null || isChangingHands(state, slot.buffer)) return;
      verdict.exercised();
      if (owner !== slot.owner)
        verdict.violated(
          `memory of ${slot.buffer}, which is private to ${owner}, is given to ${slot.owner}`,
          verdict.since("rights", slot.buffer, "owner"),
        );
    },
    "ret guestAccess"(event, state, verdict) {
      const slot = state.slots.get(event.slot);
      const owner = state.rights.get(slot?.buffer ?? "")?.owner ?? null;
      if (slot !== undefined && owner !== null && owner !== slot.owner) verdict.exercised();
    },
  }),
};

export const fault13: Rule = {
  id: "FAULT-13",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "If the guest's access and the buffer disagree about private or shared, the fault leaves to user space with EFAULT and changes nothing.",
  intent: "Only the machine monitor may decide on a conversion, and a quiet fix can expose guest data.",
  sources: [proposal("2025 RFC, dma_buf_get_pfn_unlocked and KVM private MMIO")],
  needs: ["guests", "pfn"],
  hints: ["Does the fault path convert or remap on its own?"],
  status: checked,
  situation: { weights: { ...guestWorld, makePrivate: 8 }, importers: ["guest"], exporters: ["subject"] },
  monitor: remember(() => new Map<number, boolean>(), {
    "call guestAccess"(event, state, _verdict, began) {
      began.set(event.seq, isPrivate(state, state.slots.get(event.slot)?.buffer ?? ""));
    },
    "ret guestAccess"(event, state, verdict, began) {
      const slot = state.slots.get(event.slot);
      if (slot === undefined || isChangingHands(state, slot.buffer)) return;
      const now = isPrivate(state, slot.buffer);
      // Converted in the middle of the access, it may have been what the guest took it for.
      if (now === event.private || began.get(event.call) !== now) return;
      verdict.exercised();
      if (event.errno === 0)
        verdict.violated(
          `the guest touches ${slot.buffer} as ${event.private ? "private" : "shared"}, which it is not, and goes on`,
        );
    },
  }),
};

export const fault14: Rule = {
  id: "FAULT-14",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "When a narrower right takes effect at the exporter, no translation of the importer grants more than it any longer.",
  intent: "A buffer made read-only in one place stays writable through the other.",
  sources: [derived("MOVE-17"), thread("004", "kvm and changes of access attributes")],
  needs: ["guests"],
  hints: ["Does the callback also handle a change of rights without a change of place?"],
  status: checked,
  situation: { weights: { ...guestWorld, restrict: 12 }, importers: ["guest"], exporters: ["subject"] },
  monitor: on({
    "ret restrict"(event, state, verdict) {
      if (event.errno !== 0 || event.write) return;
      for (const slot of state.slots.values()) {
        if (slot.buffer !== event.buffer || slot.phase !== "live" || slot.table === null) continue;
        verdict.exercised();
        const left = entriesOf(state, slot.table).find((entry) => entry.write);
        if (left !== undefined)
          verdict.violated(
            `${event.buffer} is read-only from here on, and ${slot.importer} may still write page ${left.page}`,
            verdict.since("entries", `${left.table}:${left.page}`, "write"),
          );
      }
    },
  }),
};

export const rules: readonly Rule[] = [fault11, fault12, fault13, fault14];
