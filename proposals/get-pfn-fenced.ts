import { coreContract } from "../conformance/contract/contract.ts";
import { exporterWork } from "../conformance/contract/device-work.ts";
import { extendContract, extension } from "../conformance/contract/extend.ts";
import type { Has } from "../conformance/contract/own.ts";
import type { Proposal } from "../conformance/proposal/proposal.ts";
import { thread } from "../contracts/source.ts";
import { locate, objectOf } from "../reference-impl/exporter/buffer-object.ts";
import { DefaultExporter } from "../reference-impl/exporter/default-exporter.ts";
import { DynamicImporter } from "../reference-impl/importers/dynamic-importer.ts";
import { EINVAL, ENODEV, EOPNOTSUPP, type Errno } from "../spec/errno.ts";
import { createOwn, integer, oneOf, refer, referOwn } from "../spec/operations/define.ts";
import type { Env, PageTable } from "../spec/roles/env.ts";
import { pageSize, type Attachment, type Device, type DmaBuf, type Storage } from "../spec/roles/handles.ts";
import type { Suspendable, Suspension } from "../spec/roles/suspendable.ts";
import { field, table } from "../spec/state/schema.ts";
import { pfnRules } from "./parts/pfn-rules.ts";
import { pfnScope } from "./scopes/pfn-scope.ts";

const faults = {
  deafCallback: { rule: "PFN-01", about: "The callback leaves the entries in the importer's page table." },
  zapLater: { rule: "PFN-02", about: "The callback only has the entries taken out by work that runs later." },
  lateInstall: { rule: "PFN-01", about: "The entry is made after the lock under which the pfn was found is gone." },
  freedAtOnce: { rule: "PFN-02", about: "The exporter frees the old memory with the move and waits for nobody." },
  revokedPfn: { rule: "PFN-03", about: "The exporter hands out pfns of a revoked buffer." },
  noFence: { rule: "PFN-04", about: "Work of the device is queued without a fence." },
  earlySignal: { rule: "PFN-04", about: "The fence of a job signals before the job touches the page." },
  noKernelWait: { rule: "PFN-05", about: "A pfn is used before the copy that moves the content is over." },
} as const;
type Fault = keyof typeof faults;

/** Where a page of a buffer lies. */
interface Pfn {
  readonly storage: Storage;
  readonly offset: number;
}

class PfnExporter extends DefaultExporter {
  private readonly has: Has<Fault>;

  constructor(env: Env, has: Has<Fault>) {
    super(env);
    this.has = has;
  }

  /** Lock held. Good until the next invalidate. */
  getPfn(buffer: DmaBuf, page: number): Pfn | Errno {
    const object = objectOf(buffer);
    if (object.revoked && !this.has("revokedPfn")) return ENODEV;
    return page * pageSize < buffer.size ? locate(object, page * pageSize) : EINVAL;
  }

  protected override switchStorage(...moved: Parameters<DefaultExporter["switchStorage"]>): void {
    const old = moved[1].backing;
    super.switchStorage(...moved);
    if (this.has("freedAtOnce") && old.maps === 0 && !old.freed) {
      old.freed = true;
      this.freeBacking(old);
    }
  }
}

/** A page of a buffer in the importer's own page table. */
class Entry {
  readonly page: number;
  readonly table: PageTable;
  readonly find: () => Pfn | Errno;
  attachment: Attachment | null = null;
  /** In the table; null after an invalidate. Under the reservation lock. */
  pfn: Pfn | null = null;
  /** Jobs that use the page. */
  jobs = 0;
  closing = false;

  constructor(pageTable: PageTable, page: number, find: () => Pfn | Errno) {
    this.table = pageTable;
    this.page = page;
    this.find = find;
  }
}

/** An importer that builds its own page table, by the rules of dma-buf: lock, fence, invalidate. */
class PfnImporter extends DynamicImporter {
  private readonly has: Has<Fault>;

  constructor(env: Env, has: Has<Fault>) {
    super(env);
    this.has = has;
  }

  *bind(buffer: DmaBuf, device: Device, page: number, find: () => Pfn | Errno) {
    yield* this.env.getRef(buffer);
    const entry = new Entry(this.env.createPageTable(), page, find);
    const invalidate = (attachment: Attachment) => this.takenBack(attachment);
    const attachment = yield* this.env.attach(buffer, device, { allowPeer2peer: true, invalidate }, entry);
    if (typeof attachment === "number") {
      yield* this.env.put(buffer);
      return attachment;
    }
    entry.attachment = attachment;
    return entry;
  }

  /** The page is wanted: found and entered in one hold of the lock. */
  *fill(entry: Entry): Generator<Suspension, Errno, unknown> {
    const { attachment } = entry;
    if (attachment === null || entry.closing) return ENODEV;
    yield* this.env.lock(attachment.buffer.resv);
    const late = this.has("lateInstall");
    const found = yield* this.fillLocked(entry, attachment, late);
    yield* this.env.unlock(attachment.buffer.resv);
    if (late && typeof found !== "number") {
      yield* this.env.point("page-table");
      this.install(entry, found);
    }
    return typeof found === "number" ? found : 0;
  }

  touch(entry: Entry, access: "read" | "write"): void {
    this.env.touchPage(entry.table, 0, access);
  }

  /** A job that goes on with the pfn it began with: its fence keeps the memory. */
  *queue(entry: Entry, access: "read" | "write"): Generator<Suspension, Errno, unknown> {
    const { attachment, closing } = entry;
    if (attachment === null || closing) return ENODEV;
    entry.jobs += 1;
    const { resv } = attachment.buffer;
    yield* this.env.lock(resv);
    const found = yield* this.fillLocked(entry, attachment, false);
    const errno = typeof found === "number" ? found : this.env.reserveFences(resv, 1);
    if (errno === 0 && typeof found !== "number") this.start(entry, attachment, found, access);
    else entry.jobs -= 1;
    yield* this.env.unlock(resv);
    return errno;
  }

  *drop(entry: Entry): Generator<Suspension, void, unknown> {
    const { attachment } = entry;
    if (attachment === null || entry.closing) return;
    entry.closing = true;
    yield* this.env.wait({ kind: "other", what: "jobs that use the page" }, () => entry.jobs === 0);
    const { buffer } = attachment;
    yield* this.env.lock(buffer.resv);
    this.zap(entry);
    yield* this.env.unlock(buffer.resv);
    yield* this.env.detach(buffer, attachment);
    yield* this.env.put(buffer);
  }

  private *fillLocked(
    entry: Entry,
    { buffer }: Attachment,
    late: boolean,
  ): Generator<Suspension, Pfn | Errno, unknown> {
    if (entry.pfn !== null) return entry.pfn;
    if (!this.has("noKernelWait")) yield* this.env.waitFences(buffer.resv, "kernel");
    const found = entry.find();
    if (typeof found !== "number" && !late) this.install(entry, found);
    return found;
  }

  private install(entry: Entry, pfn: Pfn): void {
    entry.pfn = pfn;
    this.env.install(entry.table, 0, { via: "physical", ...pfn }, true);
  }

  private zap(entry: Entry): void {
    if (entry.pfn === null) return;
    entry.pfn = null;
    this.env.zap(entry.table, 0, 1);
  }

  private start(entry: Entry, { buffer }: Attachment, pfn: Pfn, access: "read" | "write"): void {
    const { env } = this;
    const own = env.createPageTable();
    env.install(own, 0, { via: "physical", ...pfn }, true);
    const fence = this.has("noFence") ? null : env.fenceInit({}, env.fenceContextAlloc(1), 1n);
    if (fence !== null) env.addFence(buffer.resv, fence, "bookkeep");
    const early = this.has("earlySignal");
    env.startJob("pfn job", () => {
      if (early && fence !== null) env.signal(fence);
      env.touchPage(own, 0, access);
      env.zap(own, 0, 1);
      if (!early && fence !== null) env.signal(fence);
      if (fence !== null) env.fencePut(fence);
      entry.jobs -= 1;
    });
  }

  /** The callback. Lock held. Jobs under way are covered by their fences. */
  private takenBack(attachment: Attachment): Suspendable<void> {
    const entry = attachment.importerPriv;
    if (!(entry instanceof Entry) || this.has("deafCallback")) return;
    if (this.has("zapLater")) this.env.defer("zap", () => this.zap(entry));
    else this.zap(entry);
  }
}

const pfn = extension({
  name: "get-pfn-fenced",
  state: {
    pfns: table({ importer: field<string>() }),
    devices: table({ jobs: field<number>() }),
    /** The buffer that a piece of storage was ever behind, by the name of the storage. */
    homes: table({ buffer: field<string>("ghost") }),
  },
  faults,
  roles: {
    exporter: (env, has) => new PfnExporter(env, has),
    importer: (env, has) => new PfnImporter(env, has),
  },
});

const bound = { importer: refer("importer"), pfn: referOwn("pfns") };
const access = oneOf(["read", "write"]);
const isOwn = (
  own: { readonly pfns: ReadonlyMap<string, { readonly importer: string }> },
  of: { readonly importer: string; readonly pfn: string },
) => own.pfns.get(of.pfn)?.importer === of.importer;

const source = [
  thread("000_64643a438ca275cc.txt", "Jason Gunthorpe, January 2025: dma_resv lock, fence and move_notify"),
];

const contract = extendContract(coreContract, {
  ...pfn,
  operations: {
    finishCopy: exporterWork(),
    bindPfn: pfn.operation({
      summary: "Attaches, and makes the importer's page table ready for a page of the buffer.",
      fields: { importer: refer("importer"), buffer: refer("buffer"), page: integer(0, 15), pfn: createOwn("pfns") },
      weight: 5,
      *run(actor, { importer: by, buffer, page, pfn: name }) {
        const importer = actor.importer(by);
        const exporter = actor.exporterOf(buffer);
        if (importer === null || exporter === null) return EOPNOTSUPP;
        const of = actor.buffer(buffer);
        const entry = yield* importer.bind(of, actor.device(by), page, () => exporter.getPfn(of, page));
        if (typeof entry === "number") return entry;
        actor.keep(name, entry);
        return 0;
      },
      print: (of) => `${of.importer} binds page ${of.page} of ${of.buffer} as ${of.pfn}`,
    }),
    fillPfn: pfn.operation({
      summary: "The device wants the page: its pfn goes into the page table.",
      fields: bound,
      enabled: isOwn,
      weight: 20,
      run: (actor, of) => actor.importer(of.importer)?.fill(actor.kept(of.pfn, Entry)) ?? EOPNOTSUPP,
      print: (of) => `fill ${of.pfn}`,
    }),
    touchPfn: pfn.operation({
      summary: "The device touches the page through the table.",
      fields: { ...bound, access },
      enabled: isOwn,
      weight: 30,
      run: (actor, of) => actor.importer(of.importer)?.touch(actor.kept(of.pfn, Entry), of.access),
      print: (of) => `${of.access} through ${of.pfn}`,
    }),
    queuePfn: pfn.operation({
      summary: "Queues a job that touches the page when it runs.",
      fields: { ...bound, access },
      enabled: isOwn,
      run: (actor, of) => actor.importer(of.importer)?.queue(actor.kept(of.pfn, Entry), of.access) ?? EOPNOTSUPP,
      print: (of) => `queue a ${of.access} through ${of.pfn}`,
    }),
    finishPfnJob: pfn.operation({
      summary: "The importer's device runs its oldest job.",
      fields: { importer: refer("importer") },
      lock: "any",
      weight: 6,
      enabled: (own, { importer }) => (own.devices.get(importer)?.jobs ?? 0) > 0,
      run: (actor, { importer }) => void actor.finishJob(importer),
      print: (of) => `${of.importer} runs a job`,
    }),
    dropPfn: pfn.operation({
      summary: "Takes the page out of the page table and detaches.",
      fields: bound,
      enabled: isOwn,
      exclusive: (of) => [of.pfn],
      weight: 2,
      run: (actor, of) => actor.importer(of.importer)?.drop(actor.kept(of.pfn, Entry)),
      print: (of) => `drop ${of.pfn}`,
    }),
  },
  fold: ({ changes }) =>
    changes({
      "ret bindPfn"({ errno, importer, pfn: name }, own) {
        if (errno === 0) own.pfns.set(name, { importer });
      },
      "ret queuePfn"({ errno, importer }, own) {
        if (errno === 0) own.devices.set(importer, { jobs: (own.devices.get(importer)?.jobs ?? 0) + 1 });
      },
      "call finishPfnJob"({ importer }, own) {
        own.devices.set(importer, { jobs: (own.devices.get(importer)?.jobs ?? 1) - 1 });
      },
      "call dropPfn"({ pfn: name }, own) {
        own.pfns.delete(name);
      },
      epoch({ buffer, storage }, own) {
        if (storage !== null) own.homes.set(storage, { buffer });
      },
    }),
  giveBack: (own) => [...own.pfns].map(([name, { importer }]) => ({ op: "dropPfn", args: { importer, pfn: name } })),
  near: {
    export: 1,
    put: 1,
    move: 1,
    evict: 1,
    revoke: 1,
    unrevoke: 1,
    reset: 1,
    setMemory: 1,
    closeDevice: 1,
    submit: 1,
  },
  rules: ({ own }) => pfnRules((state) => own(state).homes, source),
  scopes: ({ own, draft }) => [
    pfnScope(
      {
        bind: (task, importer, name) => draft("bindPfn", { task, importer, buffer: "b1", page: 0, pfn: name }),
        fill: (task, importer, name) => draft("fillPfn", { task, importer, pfn: name }),
        touch: (task, importer, name) => draft("touchPfn", { task, importer, pfn: name, access: "write" }),
        queue: (task, importer, name) => draft("queuePfn", { task, importer, pfn: name, access: "write" }),
        drop: (task, importer, name) => draft("dropPfn", { task, importer, pfn: name }),
        finishJob: (task, importer) => draft("finishPfnJob", { task, importer }),
        finishCopy: (task, exporter) => draft("finishCopy", { task, exporter }),
        isBound: (state, name) => own(state).pfns.has(name),
        jobs: (state, importer) => own(state).devices.get(importer)?.jobs ?? 0,
      },
      { importer: 3 },
    ),
  ],
});

const proposal: Proposal = {
  name: "get-pfn-fenced",
  about:
    "The same with a lifetime: a pfn is found and entered under the reservation lock, jobs leave fences, and the callback takes the entry out.",
  contract,
  defended: true,
  thread: [
    {
      seed: "000_64643a438ca275cc.txt",
      who: "Jason Gunthorpe",
      said: "Whatever comes out of dma-buf uses the reservation lock, fences and the callback, however the memory is described.",
    },
  ],
  expectations: [],
};

export default proposal;
