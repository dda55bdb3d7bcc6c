import { coreContract } from "../conformance/contract/contract.ts";
import { exporterWork } from "../conformance/contract/device-work.ts";
import { extendContract, extension } from "../conformance/contract/extend.ts";
import type { Has } from "../conformance/contract/own.ts";
import type { Proposal } from "../conformance/proposal/proposal.ts";
import { thread } from "../contracts/source.ts";
import type { BufferObject } from "../reference-impl/exporter/buffer-object.ts";
import { DefaultExporter } from "../reference-impl/exporter/default-exporter.ts";
import { pinAndMap } from "../reference-impl/importers/pin-and-map.ts";
import { PinnedRevocableImporter } from "../reference-impl/importers/pinned-revocable-importer.ts";
import { ENODEV, EOPNOTSUPP, type Errno } from "../spec/errno.ts";
import { createOwn, flag, refer, referOwn } from "../spec/operations/define.ts";
import type { Env } from "../spec/roles/env.ts";
import type { Attachment, Device, DmaBuf, ImporterOps, SgTable } from "../spec/roles/handles.ts";
import type { MappingModel } from "../spec/roles/negotiation.ts";
import type { Suspension } from "../spec/roles/suspendable.ts";
import { changesAccess, concerns, isContested } from "../spec/state/observe/rows.ts";
import { field, table } from "../spec/state/schema.ts";
import { attachHeld, detachHeld } from "./parts/attached.ts";
import { judgeRevoked } from "./parts/revoked.ts";
import { windowScope } from "./scopes/window-scope.ts";

const faults = {
  unasked: { rule: "UNREV-01", about: "A window is attached without a word on what a revoke means." },
  promisesTooMuch: { rule: "UNREV-01", about: "Who cannot start again agrees to an unrevoke all the same." },
  messageOnly: { rule: "UNREV-01", about: "The exporter announces that access is back and keeps it." },
  resurrects: { rule: "UNREV-02", about: "A window whose user was told that it is over is filled again." },
  keepsTable: { rule: "UNREV-03", about: "The callback unmaps, and the device goes on with the old addresses." },
  lateInstall: {
    rule: "UNREV-01",
    about: "The device gets addresses after the lock of their map is gone: old ones stay.",
  },
  movesUnder: { rule: "NEG-03", about: "The exporter moves memory of which it was agreed that it stays." },
} as const;
type Fault = keyof typeof faults;

class GivingBackExporter extends DefaultExporter {
  private readonly has: Has<Fault>;

  constructor(env: Env, has: Has<Fault>) {
    super(env);
    this.has = has;
  }

  protected override *unrevokeObject(buffer: DmaBuf, object: BufferObject): Generator<Suspension, void, unknown> {
    yield* super.unrevokeObject(buffer, object);
    if (this.has("messageOnly")) object.revoked = true;
  }

  protected override isMovable(object: BufferObject): boolean {
    return this.has("movesUnder") ? !object.revoked : super.isMovable(object);
  }
}

/** A buffer in the address space of a device that cannot fault. Changed under the reservation lock. */
class Window {
  /** Whether the user of the device can start again after an error. */
  readonly restarts: boolean;
  attachment: Attachment | null = null;
  mapping: SgTable | null = null;
  /** What the device has. */
  installed: SgTable | null = null;
  /** It was lost for good. */
  over = false;
  closing = false;

  constructor(restarts: boolean) {
    this.restarts = restarts;
  }
}

/** iommufd, and pinned RDMA beside it: the memory stays until a revoke, and what comes then the two have agreed on. */
class WindowImporter extends PinnedRevocableImporter {
  private readonly has: Has<Fault>;
  private readonly windowOps: ImporterOps = {
    allowPeer2peer: true,
    invalidate: ({ importerPriv }) => this.lose(importerPriv),
  };

  constructor(env: Env, has: Has<Fault>) {
    super(env);
    this.has = has;
  }

  *open(buffer: DmaBuf, device: Device, restarts: boolean): Generator<Suspension, Window | Errno, unknown> {
    const window = new Window(restarts);
    const accepted = this.accepted(restarts);
    const attachment = yield* attachHeld(this.env, buffer, device, this.windowOps, window, accepted);
    if (typeof attachment === "number") return attachment;
    window.attachment = attachment;
    const errno = yield* this.fill(window, attachment);
    if (errno === 0) return window;
    yield* detachHeld(this.env, attachment);
    return errno;
  }

  /** The device uses the memory. */
  *use(window: Window): Generator<Suspension, "works" | "away" | "over" | Errno, unknown> {
    const { attachment } = window;
    if (attachment === null || window.closing) return ENODEV;
    if (window.installed === null && !this.isOver(window)) {
      const errno = yield* this.fill(window, attachment);
      if (errno !== 0 && errno !== ENODEV) return errno;
    }
    // No wait between this look and the access.
    if (window.installed === null) return window.over ? "over" : "away";
    return this.env.access(attachment, window.installed, "read") === "ok" ? "works" : "away";
  }

  *close(window: Window): Generator<Suspension, void, unknown> {
    const { attachment } = window;
    if (attachment === null || window.closing) return;
    window.closing = true;
    yield* this.env.lock(attachment.buffer.resv);
    yield* this.empty(window, attachment);
    yield* this.env.unlock(attachment.buffer.resv);
    yield* detachHeld(this.env, attachment);
  }

  private isOver({ over }: Window): boolean {
    return over && !this.has("resurrects");
  }

  private accepted(restarts: boolean): readonly MappingModel[] | undefined {
    if (this.has("unasked")) return undefined;
    return restarts || this.has("promisesTooMuch") ? ["recoverable"] : ["revocable"];
  }

  private *fill(window: Window, attachment: Attachment): Generator<Suspension, Errno, unknown> {
    const { env } = this;
    yield* env.lock(attachment.buffer.resv);
    const found = window.closing || this.isOver(window) ? ENODEV : (window.mapping ?? (yield* this.map(attachment)));
    const late = this.has("lateInstall");
    if (typeof found !== "number") {
      window.mapping = found;
      if (!late) window.installed = found;
    }
    yield* env.unlock(attachment.buffer.resv);
    if (typeof found === "number") return found;
    if (late) {
      yield* env.point("page-table");
      window.installed = found;
    }
    return 0;
  }

  /** Lock held. What was agreed on keeps the memory in its place; without an agreement a pin does. */
  private *map(attachment: Attachment): Generator<Suspension, SgTable | Errno, unknown> {
    const { env } = this;
    if (attachment.importerOps?.model === undefined) return yield* pinAndMap(env, attachment, "bidirectional");
    const mapping = yield* env.map(attachment, "bidirectional");
    if (typeof mapping !== "number") yield* env.waitFences(attachment.buffer.resv, "kernel");
    return mapping;
  }

  /** The callback: of a revoke, or of an unrevoke, when there is nothing to lose. Lock held. */
  private *lose(window: unknown): Generator<Suspension, void, unknown> {
    if (!(window instanceof Window) || window.attachment === null || window.mapping === null) return;
    const { model } = window.attachment.importerOps ?? {};
    window.over = !window.restarts || model !== "recoverable";
    yield* this.empty(window, window.attachment);
  }

  /** Lock held. */
  private *empty(window: Window, attachment: Attachment): Generator<Suspension, void, unknown> {
    const { mapping } = window;
    if (!this.has("keepsTable")) window.installed = null;
    if (mapping === null) return;
    window.mapping = null;
    if (window.over) this.env.stopDevice(attachment);
    yield* this.env.unmap(attachment, mapping, "bidirectional");
    if (attachment.importerOps?.model === undefined) yield* this.env.unpin(attachment);
  }
}

const own = extension({
  name: "unrevoke",
  state: {
    /** `told`: its importer had the callback. `over`: its user was told that the memory is gone for good. */
    windows: table({
      importer: field<string>(),
      attachment: field<string>(),
      told: field<boolean>(),
      over: field<boolean>(),
    }),
    /** The attachment that a task has just made. */
    made: table({ attachment: field<string>() }),
  },
  faults,
  roles: {
    exporter: (env, has) => new GivingBackExporter(env, has),
    importer: (env, has) => new WindowImporter(env, has),
  },
});

const bound = { importer: refer("importer"), window: referOwn("windows") };
const isOwn = (
  tables: { readonly windows: ReadonlyMap<string, { readonly importer: string }> },
  of: { readonly importer: string; readonly window: string },
) => tables.windows.get(of.window)?.importer === of.importer;

const seed = "004_17b4b08cd00e9df2.txt";
const sources = [thread(seed, "Jason Gunthorpe, January 2025: if revoke is made special, unrevoke belongs to it")];

const contract = extendContract(coreContract, {
  ...own,
  operations: {
    finishCopy: exporterWork(),
    openWindow: own.operation({
      summary: "A device that cannot fault gets a buffer; its user can start again after an error, or cannot.",
      fields: { importer: refer("importer"), buffer: refer("buffer"), restarts: flag, window: createOwn("windows") },
      weight: 5,
      *run(actor, { importer: by, buffer, restarts, window: name }) {
        const importer = actor.importer(by);
        if (importer === null) return EOPNOTSUPP;
        const window = yield* importer.open(actor.buffer(buffer), actor.device(by), restarts);
        if (typeof window === "number") return window;
        actor.keep(name, window);
        return 0;
      },
      print: (of) =>
        `${of.importer} opens ${of.buffer} as ${of.window} for a user that ${of.restarts ? "can" : "cannot"} start again`,
    }),
    useWindow: own.operation({
      summary: "The device uses the buffer.",
      fields: bound,
      answers: { found: ["works", "away", "over"] },
      enabled: isOwn,
      weight: 25,
      *run(actor, { importer: by, window }) {
        const importer = actor.importer(by);
        if (importer === null) return EOPNOTSUPP;
        const found = yield* importer.use(actor.kept(window, Window));
        return typeof found === "number" ? found : { found };
      },
      print: (of) => `use ${of.window}`,
    }),
    closeWindow: own.operation({
      summary: "The device gives the buffer back.",
      fields: bound,
      enabled: isOwn,
      exclusive: (of) => [of.window],
      weight: 2,
      run: (actor, of) => actor.importer(of.importer)?.close(actor.kept(of.window, Window)),
      print: (of) => `close ${of.window}`,
    }),
  },
  fold: ({ changes }) =>
    changes({
      "ret attach"({ task, errno, attachment }, { made }) {
        if (errno === 0) made.set(task, { attachment });
      },
      "ret negotiate"({ task, errno, attachment }, { made }) {
        if (errno === 0) made.set(task, { attachment });
      },
      "ret openWindow"({ task, errno, importer, window }, { windows, made }) {
        const attachment = made.get(task)?.attachment ?? "";
        if (errno === 0) windows.set(window, { importer, attachment, told: false, over: false });
      },
      "cb invalidate"({ attachment }, { windows }) {
        for (const window of windows.values()) if (window.attachment === attachment) window.told = true;
      },
      "ret useWindow"({ errno, window, found }, { windows }) {
        const row = windows.get(window);
        if (row !== undefined && errno === 0 && found === "over") row.over = true;
      },
      "call closeWindow"({ window }, { windows }) {
        windows.delete(window);
      },
    }),
  giveBack: ({ windows }) =>
    [...windows].map(([window, { importer }]) => ({ op: "closeWindow", args: { importer, window } })),
  near: { export: 1, revoke: 2, unrevoke: 3, reset: 1, setMemory: 0.5, move: 0.5, evict: 0.5 },
  sources,
  rules: ({ must, on, remember, own: tables }) => [
    must({
      id: "UNREV-01",
      obliged: ["importer", "exporter"],
      statement:
        "When an unrevoke has returned, whoever lost the buffer can use it again, unless both sides agreed that a revoke is the end.",
      intent: "A guest resets its device, which works again, and the peers that used it stay dead for good.",
      hints: ["Was the importer asked whether it can start again?"],
      situation: { weights: { revoke: 8, unrevoke: 12 } },
      monitor: remember(() => new Map<number, string>(), {
        call(event, state, _verdict, open) {
          if (changesAccess(event))
            for (const [call, name] of open) {
              const buffer = state.buffers.get(name);
              if (buffer === undefined || concerns(event, buffer, name)) open.delete(call);
            }
        },
        "call useWindow"(event, state, _verdict, open) {
          const row = tables(state).windows.get(event.window);
          const name = state.attachments.get(row?.attachment ?? "")?.buffer ?? "";
          const buffer = state.buffers.get(name);
          if (row === undefined || !row.told || buffer?.access !== "accessible") return;
          if (isContested(state, buffer, name)) return;
          if (state.agreements.get(row.attachment)?.model !== "revocable") open.set(event.seq, name);
        },
        "ret useWindow"(event, state, verdict, open) {
          const name = open.get(event.call);
          if (!open.delete(event.call) || event.errno !== 0) return;
          // Somebody closes it meanwhile.
          if (!tables(state).windows.has(event.window)) return;
          verdict.exercised();
          if (event.found !== "works") verdict.violated(`${name} was given back, and for ${event.window} it is gone`);
        },
      }),
    }),
    must({
      id: "UNREV-02",
      obliged: ["importer"],
      statement: "A window whose user was told that the memory is gone for good is never mapped again.",
      intent: "Its user has freed what belonged to it, and may have given the name to somebody else.",
      hints: ["Is the end looked at again once the lock is held?"],
      situation: { weights: { revoke: 8, unrevoke: 12 } },
      monitor: on({
        "call map"(event, state, verdict) {
          for (const [name, { attachment, over }] of tables(state).windows)
            if (over && attachment === event.attachment) verdict.violated(`${name} was over, and is mapped again`);
        },
        "ret useWindow"(event, state, verdict) {
          if (tables(state).windows.get(event.window)?.over === true) verdict.exercised();
        },
      }),
    }),
    must({
      id: "UNREV-03",
      obliged: ["importer", "exporter"],
      statement: "Between a revoke and its unrevoke no window reaches the buffer.",
      intent: "The device is being reset, or is somebody else's.",
      hints: ["Does the device lose the addresses in the hold of the callback, and get them in the hold of the map?"],
      situation: { weights: { revoke: 12, unrevoke: 4 }, tasks: 2, pauses: 0.3, platform: ["iommu"] },
      monitor: on({
        access(event, state, verdict) {
          const { buffer } = state.attachments.get(event.attachment) ?? { buffer: "" };
          judgeRevoked(event.importer, buffer, event.answer === "ok", state, verdict);
        },
      }),
    }),
  ],
  scopes: ({ own: tables, draft }) => [
    windowScope(
      {
        open: (task, importer, restarts, window) =>
          draft("openWindow", { task, importer, buffer: "b1", restarts, window }),
        use: (task, importer, window) => draft("useWindow", { task, importer, window }),
        close: (task, importer, window) => draft("closeWindow", { task, importer, window }),
        finishCopy: (task, exporter) => draft("finishCopy", { task, exporter }),
        isOpen: (state, window) => tables(state).windows.has(window),
        attachment: (state, window, task) =>
          (tables(state).windows.get(window) ?? tables(state).made.get(task))?.attachment ?? "",
      },
      { importer: 3 },
    ),
  ],
});

const proposals: readonly Proposal[] = [
  {
    name: "unrevoke",
    about:
      "An exporter gives back what it revoked, as VFIO does after a reset, and nobody was asked whether that helps.",
    contract,
    faults: ["unasked"],
    thread: [
      {
        seed,
        who: "Simona Vetter",
        said: "With revocable memory one expects no movement, and a single revocation that is final.",
      },
      { seed, who: "Jason Gunthorpe", said: "VFIO's revoke is not wholly final, as it can take it back." },
    ],
    expectations: [
      { rule: "UNREV-01", verdict: "violated", source: "For an importer that cannot start again a revoke is the end." },
    ],
  },
  {
    name: "unrevoke-negotiated",
    about: "The same, where both sides agree when they attach: a revoke is the end, or can be taken back.",
    contract,
    defended: true,
    thread: [
      {
        seed,
        who: "Jason Gunthorpe",
        said: "If revoke becomes something special, unrevoke should be included in time.",
      },
    ],
    expectations: [],
  },
];

export default proposals;
