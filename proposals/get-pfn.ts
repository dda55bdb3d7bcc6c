import { coreContract } from "../conformance/contract/contract.ts";
import { extendContract, extension } from "../conformance/contract/extend.ts";
import type { Proposal } from "../conformance/proposal/proposal.ts";
import { thread } from "../contracts/source.ts";
import { DefaultExporter } from "../reference-impl/exporter/default-exporter.ts";
import { locate, objectOf } from "../reference-impl/exporter/buffer-object.ts";
import { DynamicImporter } from "../reference-impl/importers/dynamic-importer.ts";
import { EINVAL, ENODEV, EOPNOTSUPP, type Errno } from "../spec/errno.ts";
import { createOwn, integer, oneOf, refer, referOwn } from "../spec/operations/define.ts";
import type { PageTable } from "../spec/roles/env.ts";
import { pageSize, type DmaBuf, type Storage } from "../spec/roles/handles.ts";
import type { Suspension } from "../spec/roles/suspendable.ts";
import { field, table } from "../spec/state/schema.ts";
import { isContested } from "../spec/state/observe/rows.ts";

/** Where a page of a buffer lies: a page frame number, as the CPU counts them. */
interface Pfn {
  readonly storage: Storage;
  readonly offset: number;
}

/** An exporter with the callback of the RFC: `dma_buf_ops.get_pfn`. */
class PfnExporter extends DefaultExporter {
  *getPfn(buffer: DmaBuf, page: number): Generator<Suspension, Pfn | Errno, unknown> {
    if (page * pageSize >= buffer.size) return EINVAL;
    yield* this.env.lock(buffer.resv);
    const object = objectOf(buffer);
    const pfn = object.revoked ? ENODEV : locate(object, page * pageSize);
    yield* this.env.unlock(buffer.resv);
    return pfn;
  }
}

/** What an importer makes of a pfn: an entry of its own page table. */
class Entry {
  readonly table: PageTable;

  constructor(pageTable: PageTable) {
    this.table = pageTable;
  }
}

/** An importer that builds its own page table (KVM, iommufd), with nothing that tells it when a pfn is over. */
class PfnImporter extends DynamicImporter {
  install(pfn: Pfn): Entry {
    const entry = new Entry(this.env.createPageTable());
    this.env.install(entry.table, 0, { via: "physical", ...pfn }, true);
    return entry;
  }

  touch(entry: Entry, kind: "read" | "write"): void {
    this.env.touchPage(entry.table, 0, kind);
  }

  drop(entry: Entry): void {
    this.env.zap(entry.table, 0, 1);
  }
}

const pfn = extension({
  name: "get-pfn",
  state: {
    pfns: table({ importer: field<string>(), buffer: field<string>(), storage: field<string>("ghost") }),
  },
  roles: {
    exporter: (env) => new PfnExporter(env),
    importer: (env) => new PfnImporter(env),
  },
});

const sources = [thread("003_d98da645bc0481a2.txt", "Christian König and Jason Gunthorpe, January 2025")];

const contract = extendContract(coreContract, {
  ...pfn,
  operations: {
    getPfn: pfn.operation({
      summary: "Asks the exporter for the page frame behind a page of a buffer, and maps it.",
      fields: {
        importer: refer("importer"),
        buffer: refer("buffer"),
        page: integer(0, 15),
        pfn: createOwn("pfns"),
      },
      answers: { storage: "nameOrNull" },
      *run(actor, { importer: by, buffer, page, pfn: name }) {
        const importer = actor.importer(by);
        const exporter = actor.exporterOf(buffer);
        if (importer === null || exporter === null) return EOPNOTSUPP;
        const found = yield* exporter.getPfn(actor.buffer(buffer), page);
        if (typeof found === "number") return found;
        actor.keep(name, importer.install(found));
        return { storage: found.storage.id };
      },
      print: (of) => `${of.importer} gets the pfn of page ${of.page} of ${of.buffer} as ${of.pfn}`,
    }),
    touchPfn: pfn.operation({
      summary: "The importer's device touches the page.",
      fields: { importer: refer("importer"), pfn: referOwn("pfns"), access: oneOf(["read", "write"]) },
      enabled: (own, of) => own.pfns.get(of.pfn)?.importer === of.importer,
      exclusive: (of) => [of.pfn],
      run(actor, { importer, pfn: name, access }) {
        actor.importer(importer)?.touch(actor.kept(name, Entry), access);
      },
      print: (of) => `${of.access} through ${of.pfn}`,
    }),
    dropPfn: pfn.operation({
      summary: "The importer takes the page out of its page table.",
      fields: { importer: refer("importer"), pfn: referOwn("pfns") },
      enabled: (own, of) => own.pfns.get(of.pfn)?.importer === of.importer,
      exclusive: (of) => [of.pfn],
      weight: 2,
      run(actor, { importer, pfn: name }) {
        actor.importer(importer)?.drop(actor.kept(name, Entry));
      },
      print: (of) => `drop ${of.pfn}`,
    }),
  },
  fold: ({ changes }) =>
    changes({
      "ret getPfn"({ errno, importer, buffer, storage, pfn: name }, own) {
        if (errno === 0) own.pfns.set(name, { importer, buffer, storage: storage ?? "" });
      },
      "ret dropPfn"({ pfn: name }, own) {
        own.pfns.delete(name);
      },
    }),
  giveBack: (own) => [...own.pfns].map(([name, { importer }]) => ({ op: "dropPfn", args: { importer, pfn: name } })),
  near: { export: 1, put: 1, move: 1, evict: 1, revoke: 1, unrevoke: 1, revokeForever: 1, reset: 1, closeDevice: 1 },
  sources,
  rules: ({ must, on, own }) => [
    must({
      id: "PFN-01",
      obliged: ["importer", "exporter"],
      statement:
        "What is reached through a pfn is where the buffer is now, not where it was when the pfn was asked for.",
      intent: "After a move the old page belongs to somebody else.",
      hints: ["Who tells the importer that the buffer moves?"],
      monitor: on({
        "call touchPfn"(event, state, verdict) {
          const entry = own(state).pfns.get(event.pfn);
          const storage = entry === undefined ? null : (state.buffers.get(entry.buffer)?.storage ?? null);
          if (entry === undefined || storage === null) return;
          verdict.exercised();
          if (entry.storage !== storage)
            verdict.violated(
              `${event.importer} touches ${entry.storage} through ${event.pfn}; ${entry.buffer} is in ${storage} now`,
              verdict.since("buffers", entry.buffer, "storage"),
            );
        },
      }),
    }),
    must({
      id: "PFN-02",
      obliged: ["importer", "exporter"],
      statement: "Memory that is reached through a pfn is not freed.",
      intent: "Whoever gets the page next is written to by a device that it knows nothing of.",
      hints: ["Does the pfn hold a reference on the buffer?"],
      situation: { weights: { put: 6, move: 1 } },
      monitor: on({
        "call touchPfn"(event, state, verdict) {
          const entry = own(state).pfns.get(event.pfn);
          const memory = entry === undefined ? undefined : state.resources.get(entry.storage);
          if (entry === undefined || memory === undefined) return;
          verdict.exercised();
          if (!memory.live)
            verdict.violated(
              `${event.importer} touches ${entry.storage} through ${event.pfn} after it was freed`,
              verdict.since("resources", entry.storage, "live"),
            );
        },
      }),
    }),
    must({
      id: "PFN-03",
      obliged: ["importer", "exporter"],
      statement: "Nothing is reached through a pfn once a revoke of the buffer has returned.",
      intent: "The exporter powers the device down, or gives it to somebody else.",
      hints: ["Is the importer told, and does the revoke wait for it?"],
      situation: { weights: { revoke: 6, reset: 2 } },
      monitor: on({
        "call touchPfn"(event, state, verdict) {
          const name = own(state).pfns.get(event.pfn)?.buffer ?? "";
          const buffer = state.buffers.get(name);
          if (buffer === undefined || isContested(state, buffer, name)) return;
          verdict.exercised();
          if (buffer.access === "revoked" || buffer.access === "revokedForever")
            verdict.violated(
              `${event.importer} touches ${name} through ${event.pfn} although it is revoked`,
              verdict.since("buffers", name, "access"),
            );
        },
      }),
    }),
  ],
});

const proposal: Proposal = {
  name: "get-pfn",
  about: "An importer asks for page frame numbers and builds its own page table; nothing says how long they are good.",
  contract,
  thread: [
    {
      seed: "000_64643a438ca275cc.txt",
      who: "Christian König",
      said: "Just giving out page frames without a lifetime is not something one can do.",
    },
  ],
  expectations: [
    { rule: "PFN-01", verdict: "violated", source: "Nobody tells the importer of a move." },
    { rule: "PFN-02", verdict: "violated", source: "A pfn holds no reference." },
    { rule: "PFN-03", verdict: "violated", source: "Nobody tells the importer of a revoke." },
  ],
};

export default proposal;
