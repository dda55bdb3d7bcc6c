import { coreContract } from "../conformance/contract/contract.ts";
import { exporterWork } from "../conformance/contract/device-work.ts";
import { extendContract, extension } from "../conformance/contract/extend.ts";
import type { Has } from "../conformance/contract/own.ts";
import type { Proposal } from "../conformance/proposal/proposal.ts";
import type { Verdict } from "../contracts/monitor.ts";
import { thread } from "../contracts/source.ts";
import type { BufferObject } from "../reference-impl/exporter/buffer-object.ts";
import { DefaultExporter } from "../reference-impl/exporter/default-exporter.ts";
import { EINVAL, EOPNOTSUPP, type Errno } from "../spec/errno.ts";
import type { RetEvent } from "../spec/event.ts";
import type { Env } from "../spec/roles/env.ts";
import type { ExportRequest } from "../spec/roles/exporter.ts";
import type { Attachment, Device, DmaBuf, IosysMap, UserMapping } from "../spec/roles/handles.ts";
import type { MappingModel, PhysicalList } from "../spec/roles/negotiation.ts";
import type { Suspension } from "../spec/roles/suspendable.ts";
import { frameOf, type State } from "../spec/state/state.ts";

const faults = {
  anyProvider: { rule: "SECURE-01", about: "Secure memory is described as any other memory of a device." },
  cpuViews: { rule: "SECURE-01", about: "DMA is refused, and the CPU gets a view all the same." },
  refusesLate: { rule: "SECURE-02", about: "Everybody may attach, and is refused the map." },
  fitsNobody: { rule: "SECURE-03", about: "Its provider does not fit the partner either." },
  movesOut: { rule: "SECURE-04", about: "Under pressure secure memory moves to ordinary memory." },
  ownerUnsaid: { rule: "FAULT-12", about: "The list does not say whose the memory is." },
} as const;
type Fault = keyof typeof faults;

/** Memory of a confidential guest: its provider fits nobody but whoever takes physical lists and knows what they mean. */
class SecureExporter extends DefaultExporter {
  private readonly has: Has<Fault>;

  constructor(env: Env, has: Has<Fault>) {
    super(env);
    this.has = has;
  }

  override *export(request: ExportRequest): Generator<Suspension, DmaBuf | Errno, unknown> {
    return yield* super.export({ ...request, placement: "device" });
  }

  override match(buffer: DmaBuf, device: Device, model: MappingModel, allowPeer2peer: boolean): Errno {
    const suits = model === "physical" ? !this.has("fitsNobody") : this.has("anyProvider");
    return suits ? super.match(buffer, device, model, allowPeer2peer) : EOPNOTSUPP;
  }

  override attach(buffer: DmaBuf, attachment: Attachment): Errno {
    const understands = attachment.importerOps?.model === "physical";
    const open = this.has("anyProvider") || this.has("refusesLate");
    return understands || open ? super.attach(buffer, attachment) : EOPNOTSUPP;
  }

  override *map(...asked: Parameters<DefaultExporter["map"]>): ReturnType<DefaultExporter["map"]> {
    return this.has("anyProvider") ? yield* super.map(...asked) : EOPNOTSUPP;
  }

  override *vmap(buffer: DmaBuf, map: IosysMap): Generator<Suspension, Errno, unknown> {
    return this.isForCpu() ? yield* super.vmap(buffer, map) : EINVAL;
  }

  override mmap(buffer: DmaBuf, mapping: UserMapping): Errno {
    return this.isForCpu() ? super.mmap(buffer, mapping) : EINVAL;
  }

  override mapPhysical(attachment: Attachment): PhysicalList | Errno {
    const list = super.mapPhysical(attachment);
    return typeof list === "number" || !this.has("ownerUnsaid") ? list : { ...list, owner: null };
  }

  override *move(...asked: Parameters<DefaultExporter["move"]>): Generator<Suspension, Errno, unknown> {
    return this.moves() ? yield* super.move(...asked) : EOPNOTSUPP;
  }

  override *evict(buffer: DmaBuf): Generator<Suspension, Errno, unknown> {
    return this.moves() ? yield* super.evict(buffer) : EOPNOTSUPP;
  }

  protected override isMovable(object: BufferObject): boolean {
    return this.moves() && super.isMovable(object);
  }

  private moves(): boolean {
    return this.has("anyProvider") || this.has("movesOut");
  }

  private isForCpu(): boolean {
    return this.has("anyProvider") || this.has("cpuViews");
  }
}

const own = extension({
  name: "secure-provider",
  state: {},
  faults,
  roles: { exporter: (env, has) => new SecureExporter(env, has) },
});

/** The guest that memory is private to. */
function guestOf(state: State, buffer: string | null): string | null {
  return state.rights.get(buffer ?? "")?.owner ?? null;
}

/** Somebody else than the guest got, or was refused, a way to a buffer: what it is good for is seen at the touch. */
function judgeTouch(who: string, buffer: string, touched: boolean, state: State, verdict: Verdict): void {
  const guest = guestOf(state, buffer);
  if (guest === null) return;
  verdict.exercised();
  if (touched)
    verdict.violated(
      `${who} touches ${buffer}, which is private to ${guest}`,
      verdict.since("rights", buffer, "owner"),
    );
}

/** Somebody asked for an attachment that says nothing of physical lists. */
function judgeAttach(
  { importer, buffer, errno }: RetEvent<"attach"> | RetEvent<"negotiate">,
  state: State,
  verdict: Verdict,
): void {
  const guest = guestOf(state, buffer);
  if (guest === null) return;
  verdict.exercised();
  if (errno === 0) verdict.violated(`${importer} is attached to ${buffer}, which is private to ${guest}`);
}

const seed = "000_64643a438ca275cc.txt";

const contract = extendContract(coreContract, {
  ...own,
  operations: { finishCopy: exporterWork() },
  near: {
    export: 1,
    makePrivate: 2,
    attach: 1,
    mapUnlocked: 1,
    access: 2,
    import: 1,
    submit: 1,
    vmapUnlocked: 2,
    mmap: 1,
    cpuAccess: 3,
    bindSlot: 2,
    guestAccess: 3,
    negotiate: 1,
    move: 0.3,
    evict: 0.5,
    unbindSlot: 0.5,
  },
  kinds: { importers: ["guest", "guest", "scripted", "dynamic"] },
  sources: [thread(seed, "Jason Gunthorpe, January 2025: a provider that is incompatible with everything else")],
  rules: ({ must, on, remember }) => [
    must({
      id: "SECURE-01",
      obliged: ["exporter"],
      statement: "Nobody but its guest touches secure memory: no CPU, and no device by a DMA address.",
      intent: "The system takes a machine check.",
      hints: ["Who can get a view or an address without knowing what it is of?"],
      situation: { weights: { makePrivate: 6 }, platform: ["tree", "direct"] },
      monitor: on({
        cpu: (event, state, verdict) =>
          judgeTouch(`the CPU, for ${event.by},`, event.buffer, event.answer === "ok", state, verdict),
        access(event, state, verdict) {
          const { buffer } = state.attachments.get(event.attachment) ?? { buffer: "" };
          judgeTouch(event.importer, buffer, event.answer === "ok", state, verdict);
        },
        "ret vmap": (event, state, verdict) => judgeTouch(event.by, event.buffer, false, state, verdict),
        "ret mmap": (event, state, verdict) => judgeTouch(event.by, event.buffer, false, state, verdict),
      }),
    }),
    must({
      id: "SECURE-02",
      obliged: ["exporter"],
      statement: "An importer that only does DMA is refused secure memory when it attaches.",
      intent: "It fails cleanly, before it has built anything on the buffer.",
      hints: ["Does the attach hook look at what the importer understands?"],
      situation: { weights: { makePrivate: 6, attach: 4 } },
      monitor: on({
        "ret attach"(event, state, verdict) {
          if (frameOf(state.tasks.get(event.task), "negotiate") === undefined) judgeAttach(event, state, verdict);
        },
        "ret negotiate"(event, state, verdict) {
          if (event.model !== "physical") judgeAttach(event, state, verdict);
        },
      }),
    }),
    must({
      id: "SECURE-03",
      obliged: ["exporter"],
      statement: "An importer that takes physical lists finds a common model with secure memory.",
      intent: "What fits nobody at all keeps the guest out as well.",
      hints: ["Which model is it that the partner understands?"],
      situation: { weights: { makePrivate: 6, bindSlot: 4 } },
      monitor: remember(() => new Set<string>(), {
        "call negotiate": (event, _state, _verdict, done) => void done.delete(event.task),
        "call attach": (event, _state, _verdict, done) => void done.add(event.task),
        "cbret match"(event, _state, _verdict, done) {
          if (event.injected || (event.errno !== 0 && event.errno !== EOPNOTSUPP)) done.add(event.task);
        },
        "ret negotiate"(event, state, verdict, done) {
          if (!event.accept.includes("physical") || !event.allowPeer2peer || guestOf(state, event.buffer) === null)
            return;
          verdict.exercised();
          if (event.errno === EINVAL && !done.has(event.task))
            verdict.violated(`${event.importer} takes physical lists, and has nothing in common with ${event.buffer}`);
        },
      }),
    }),
    must({
      id: "SECURE-04",
      obliged: ["exporter"],
      statement: "Secure memory does not move to where it is ordinary.",
      intent: "Whoever reads the new place reads what the guest wanted to hide.",
      hints: ["Does eviction look at what kind of memory it is?"],
      situation: { weights: { makePrivate: 6, move: 4, evict: 4 } },
      monitor: on({
        epoch(event, state, verdict) {
          const guest = event.change === "move" ? guestOf(state, event.buffer) : null;
          if (guest !== null) verdict.violated(`${event.buffer}, which is private to ${guest}, moves to other memory`);
        },
        "ret evict"(event, state, verdict) {
          if (guestOf(state, event.buffer) !== null) verdict.exercised();
        },
        "ret move"(event, state, verdict) {
          if (guestOf(state, event.buffer) !== null) verdict.exercised();
        },
      }),
    }),
  ],
});

const proposals: readonly Proposal[] = [
  {
    name: "secure-unmarked",
    about: "Memory of a confidential guest goes by dma-buf like any other memory of a device.",
    contract,
    faults: ["anyProvider"],
    thread: [
      {
        seed,
        who: "Jason Gunthorpe",
        said: "Page frames without VMAs are the first part only; that nobody causes a machine check is not solved by them.",
      },
    ],
    expectations: [
      { rule: "SECURE-01", verdict: "violated", source: "Importers and CPU take it for ordinary memory." },
      { rule: "SECURE-02", verdict: "violated", source: "Nothing tells the two kinds apart at attach." },
      { rule: "SECURE-04", verdict: "violated", source: "Nor under memory pressure." },
      { rule: "SECURE-03", verdict: "violated", source: "What has moved out has no list any more.", mayHide: true },
    ],
  },
  {
    name: "secure-provider",
    about: "The same with a provider of its own kind, which fits nobody but those who understand it.",
    contract,
    thread: [
      {
        seed,
        who: "Jason Gunthorpe",
        said: "Secure memory gets a provider that is incompatible with everything else, so that importers which only do DMA fail cleanly.",
      },
    ],
    expectations: [],
  },
];

export default proposals;
