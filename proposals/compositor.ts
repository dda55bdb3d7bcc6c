import { coreContract } from "../conformance/contract/contract.ts";
import { extendContract, extension } from "../conformance/contract/extend.ts";
import type { Has } from "../conformance/contract/own.ts";
import type { Proposal } from "../conformance/proposal/proposal.ts";
import { thread } from "../contracts/source.ts";
import { DynamicImporter } from "../reference-impl/importers/dynamic-importer.ts";
import { ENODEV, EOPNOTSUPP, type Errno } from "../spec/errno.ts";
import { createOwn, refer, referOwn } from "../spec/operations/define.ts";
import type { Env } from "../spec/roles/env.ts";
import type { Attachment, Device, DmaBuf, ImporterOps } from "../spec/roles/handles.ts";
import type { MappingModel } from "../spec/roles/negotiation.ts";
import type { Suspension } from "../spec/roles/suspendable.ts";
import { field, table } from "../spec/state/schema.ts";
import { attachHeld, detachHeld } from "./parts/attached.ts";

const faults = {
  unasked: { rule: "COMP-01", about: "The compositor attaches whatever it is given." },
  keepsMapping: { rule: "MAP-15", about: "The mapping is kept after the picture." },
  noFenceWait: { rule: "MAP-20", about: "It draws before the copy that moves the content is over." },
  unlocked: { rule: "MAP-01", about: "It maps without the reservation lock." },
  asksForTooMuch: { rule: "COMP-01", about: "Buffers that can be revoked are among what the compositor accepts." },
} as const;
type Fault = keyof typeof faults;

/** A buffer of a client that a compositor shows. */
class Frame {
  attachment: Attachment | null = null;
}

const stays: readonly MappingModel[] = ["pinned", "dynamic", "dynamicPeer"];

/** A compositor's GPU context: it lives with moves, and is destroyed when a buffer that it uses is not there. */
class Compositor extends DynamicImporter {
  private readonly has: Has<Fault>;
  private readonly frameOps: ImporterOps = { allowPeer2peer: true, invalidate: () => undefined };

  constructor(env: Env, has: Has<Fault>) {
    super(env);
    this.has = has;
  }

  *take(buffer: DmaBuf, device: Device): Generator<Suspension, Frame | Errno, unknown> {
    const frame = new Frame();
    const attachment = yield* attachHeld(this.env, buffer, device, this.frameOps, frame, this.accepted());
    if (typeof attachment === "number") return attachment;
    frame.attachment = attachment;
    return frame;
  }

  /** One picture. True: the context is lost. */
  *compose({ attachment }: Frame): Generator<Suspension, boolean | Errno, unknown> {
    if (attachment === null) return ENODEV;
    const { env } = this;
    const { resv } = attachment.buffer;
    const locked = !this.has("unlocked");
    if (locked) yield* env.lock(resv);
    const mapped = yield* env.map(attachment, "toDevice");
    if (typeof mapped !== "number") {
      if (!this.has("noFenceWait")) yield* env.waitFences(resv, "kernel");
      env.access(attachment, mapped, "read");
      if (!this.has("keepsMapping")) yield* env.unmap(attachment, mapped, "toDevice");
    }
    if (locked) yield* env.unlock(resv);
    // Short of memory it tries again with the next picture.
    return mapped === ENODEV ? true : typeof mapped === "number" ? mapped : false;
  }

  *drop(frame: Frame): Generator<Suspension, void, unknown> {
    const { attachment } = frame;
    if (attachment === null) return;
    frame.attachment = null;
    yield* detachHeld(this.env, attachment);
  }

  /** Nothing that can be taken away. */
  private accepted(): readonly MappingModel[] | undefined {
    if (this.has("unasked")) return undefined;
    return this.has("asksForTooMuch") ? [...stays, "recoverable", "revocable"] : stays;
  }
}

const own = extension({
  name: "compositor",
  state: { frames: table({ importer: field<string>() }) },
  faults,
  roles: { importer: (env, has) => new Compositor(env, has) },
});

const bound = { importer: refer("importer"), frame: referOwn("frames") };
const isOwn = (
  tables: { readonly frames: ReadonlyMap<string, { readonly importer: string }> },
  of: { readonly importer: string; readonly frame: string },
) => tables.frames.get(of.frame)?.importer === of.importer;

const contract = extendContract(coreContract, {
  ...own,
  operations: {
    takeFrame: own.operation({
      summary: "A client hands a buffer to the compositor.",
      fields: { importer: refer("importer"), buffer: refer("buffer"), frame: createOwn("frames") },
      *run(actor, { importer: by, buffer, frame: name }) {
        const importer = actor.importer(by);
        if (importer === null) return EOPNOTSUPP;
        const frame = yield* importer.take(actor.buffer(buffer), actor.device(by));
        if (typeof frame === "number") return frame;
        actor.keep(name, frame);
        return 0;
      },
      print: (of) => `${of.importer} takes ${of.buffer} as ${of.frame}`,
    }),
    compose: own.operation({
      summary: "The compositor draws a picture with the buffer.",
      fields: bound,
      answers: { lost: "flag" },
      enabled: isOwn,
      exclusive: (of) => [of.frame],
      weight: 20,
      *run(actor, { importer: by, frame }) {
        const importer = actor.importer(by);
        if (importer === null) return EOPNOTSUPP;
        const lost = yield* importer.compose(actor.kept(frame, Frame));
        return typeof lost === "number" ? lost : { lost };
      },
      print: (of) => `compose ${of.frame}`,
    }),
    dropFrame: own.operation({
      summary: "The compositor gives the buffer back.",
      fields: bound,
      enabled: isOwn,
      exclusive: (of) => [of.frame],
      weight: 2,
      run: (actor, of) => actor.importer(of.importer)?.drop(actor.kept(of.frame, Frame)),
      print: (of) => `drop ${of.frame}`,
    }),
  },
  fold: ({ changes }) =>
    changes({
      "ret takeFrame"({ errno, importer, frame }, { frames }) {
        if (errno === 0) frames.set(frame, { importer });
      },
      "call dropFrame"({ frame }, { frames }) {
        frames.delete(frame);
      },
    }),
  giveBack: ({ frames }) =>
    [...frames].map(([frame, { importer }]) => ({ op: "dropFrame", args: { importer, frame } })),
  near: { export: 1, move: 0.5, evict: 1, revoke: 2, unrevoke: 1, reset: 1 },
  kinds: { exporters: ["default", "dynamic", "dynamic"] },
  sources: [thread("004_17b4b08cd00e9df2.txt", "Simona Vetter, January 2025")],
  rules: ({ must, on }) => [
    must({
      id: "COMP-01",
      obliged: ["importer"],
      statement: "A compositor never loses its context because somebody revokes a buffer that a client gave it.",
      intent: "A client could shoot a more privileged process down, with precision.",
      hints: ["Does the compositor accept only what stays?"],
      monitor: on({
        "ret compose"(event, _state, verdict) {
          if (event.errno !== 0) return;
          verdict.exercised();
          if (event.lost)
            verdict.violated(`${event.importer} loses its context, as the buffer of ${event.frame} is gone`);
        },
      }),
    }),
  ],
});

const seed = "004_17b4b08cd00e9df2.txt";

const proposals: readonly Proposal[] = [
  {
    name: "compositor",
    about: "A compositor that negotiates: buffers that can be revoked are refused before they are attached.",
    contract,
    thread: [
      {
        seed,
        who: "Jason Gunthorpe",
        said: "It makes sense to negotiate this as part of the API: a cascade of three levels.",
      },
    ],
    expectations: [],
  },
  {
    name: "compositor-unasked",
    about: "A compositor that attaches whatever a client gives it, as GPU importers do today.",
    contract,
    faults: ["unasked"],
    thread: [
      {
        seed,
        who: "Simona Vetter",
        said: "With a revocable buffer a nasty client can shoot down the work of a compositor; dynamic GPU importers should reject them.",
      },
    ],
    expectations: [{ rule: "COMP-01", verdict: "violated", source: "Nobody asked whether the buffer can be revoked." }],
  },
];

export default proposals;
