import { describe, expect, test } from "vitest";
import { drawRun } from "../../conformance/draw-run.ts";
import { referenceKinds } from "../../conformance/reference-roles.ts";
import { referenceSystem, type Replacement } from "../../conformance/reference-system.ts";
import { describeDifference, OutcomeWatch, textOfStep, type Difference } from "../../conformance/unexplained.ts";
import { Judge } from "../../contracts/judge.ts";
import { ReferenceBuffers } from "../../reference-impl/buffers/buffers.ts";
import { DefaultExporter } from "../../reference-impl/exporter/default-exporter.ts";
import { ReferenceFences } from "../../reference-impl/fences/fences.ts";
import { DynamicImporter } from "../../reference-impl/importers/dynamic-importer.ts";
import { ReferenceReservations } from "../../reference-impl/reservations/reservations.ts";
import { EACCES, EAGAIN, EINVAL, EIO, ENOENT, ENOMEM, ENOSPC, ERESTARTSYS } from "../../spec/errno.ts";
import type { Situation } from "../../spec/situation.ts";
import { profiles, seriesNames, type Series } from "../../spec/profile.ts";

/** Programs that a wrong answer has to show itself in. */
const programs = 60;

/** The first difference at `op`, or at any operation. No rule takes part: it might be the explanation. */
function firstDifference(replacement: Replacement, op: Difference["op"] | null, series: Series = "K7.1") {
  const profile = profiles[series];
  const judge = new Judge([], profile);
  const watch = new OutcomeWatch(profile);
  const system = referenceSystem(replacement);
  for (let seed = 1; seed <= programs; seed += 1) {
    const situation: Situation = op === null || op === "lock" ? {} : { weights: { exportFd: 5, close: 5, [op]: 20 } };
    const options = { kinds: referenceKinds, longest: 200 };
    const run = drawRun(system, judge, series, seed, options, { situation, area: null }, watch);
    if (run instanceof Promise) throw new Error("the reference is synchronous");
    const found = run.differences.find((difference) => op === null || difference.op === op);
    if (found !== undefined) return `${describeDifference(found)} | ${textOfStep(found, run.program)}`;
  }
  return null;
}

const buffers = (part: (own: ReferenceBuffers) => Partial<ReferenceBuffers>): Replacement => ({
  buffers: (env) => altered(new ReferenceBuffers(env), part),
});
const fences = (part: (own: ReferenceFences) => Partial<ReferenceFences>): Replacement => ({
  fences: (env) => altered(new ReferenceFences(env), part),
});
const reservations = (part: (own: ReferenceReservations) => Partial<ReferenceReservations>): Replacement => ({
  reservations: (env) => altered(new ReferenceReservations(env), part),
});

/** `own` with a few methods exchanged; `part` is handed the right ones. */
function altered<T extends object>(own: T, part: (own: T) => Partial<T>): T {
  const right = Object.create(Object.getPrototypeOf(own) as object) as T;
  for (const name of methodNames(own))
    Object.defineProperty(right, name, {
      value: (own[name as keyof T] as (...args: readonly unknown[]) => unknown).bind(own),
    });
  return Object.assign(own, part(right));
}

function methodNames(object: object): ReadonlySet<string> {
  const names = new Set<string>();
  for (let level: unknown = Object.getPrototypeOf(object); level !== Object.prototype && level !== null;) {
    for (const name of Object.getOwnPropertyNames(level))
      if (name !== "constructor" && typeof Reflect.get(object, name) === "function") names.add(name);
    level = Object.getPrototypeOf(level);
  }
  return names;
}

interface Wrong {
  readonly words: string;
  readonly op: Difference["op"];
  readonly system: Replacement;
  readonly answer: RegExp;
  readonly series?: Series;
}

const wrong: readonly Wrong[] = [
  {
    words: "every seek works",
    op: "seek",
    system: buffers((own) => ({ seek: (buffer, offset, whence) => Math.max(0, own.seek(buffer, offset, whence)) })),
    answer: /seek answered ok; legal: EINVAL/,
  },
  {
    words: "seek to the end answers one byte too much",
    op: "seek",
    system: buffers((own) => ({
      seek: (buffer, offset, whence) => own.seek(buffer, offset, whence) + (whence === 2 && offset === 0 ? 1 : 0),
    })),
    answer: /seek: the right answer is/,
  },
  {
    words: "a name that is too long has another errno",
    op: "setName",
    system: buffers((own) => ({
      setName: (buffer, name) => ((name?.length ?? 0) > 31 ? ENOSPC : own.setName(buffer, name)),
    })),
    answer: /setName answered ENOSPC; legal: EINVAL/,
  },
  {
    words: "get on a closed descriptor has another errno",
    op: "get",
    system: buffers((own) => ({ get: (fd) => (fd.buffer === null ? EINVAL : own.get(fd)) })),
    answer: /get answered EINVAL; legal: EBADF/,
  },
  {
    words: "closing twice succeeds",
    op: "close",
    system: buffers((own) => ({ close: (fd) => (fd.buffer === null ? 0 : own.close(fd)) })),
    answer: /close answered ok; legal: EBADF/,
  },
  {
    words: "attach without a buffer has another errno",
    op: "attach",
    system: buffers((own) => ({
      *attach(buffer, device, ops, priv) {
        return buffer === null ? ENOENT : yield* own.attach(buffer, device, ops, priv);
      },
    })),
    answer: /attach answered ENOENT; legal: EINVAL/,
  },
  {
    words: "map without an attachment has another errno",
    op: "mapUnlocked",
    system: buffers((own) => ({
      *mapUnlocked(attachment, direction) {
        return attachment === null ? ENOENT : yield* own.mapUnlocked(attachment, direction);
      },
    })),
    answer: /mapUnlocked answered ENOENT; legal: EINVAL/,
  },
  {
    words: "the exporter's error of an attach is replaced",
    op: "attach",
    system: buffers((own) => ({
      *attach(buffer, device, ops, priv) {
        const result = yield* own.attach(buffer, device, ops, priv);
        return typeof result === "number" && result !== ENOMEM && buffer !== null && device !== null ? EIO : result;
      },
    })),
    answer: /attach answered EIO; legal: .* \(the exporter's attach answered so\)/,
  },
  {
    words: "reserving no slots succeeds",
    op: "reserveFences",
    system: reservations((own) => ({
      reserveFences: (resv, count) => (count === 0 ? 0 : own.reserveFences(resv, count)),
    })),
    answer: /reserveFences answered ok; legal: EINVAL/,
  },
  {
    words: "trylock fails on a free lock",
    op: "lock",
    system: reservations(() => ({ trylock: () => false })),
    answer: /lock answered EBUSY; legal: ok \(the lock is free\)/,
  },
  {
    words: "a lock is refused without a reason",
    op: "lock",
    system: reservations((own) => ({
      *lockInterruptible(resv, context) {
        return context === null ? EAGAIN : yield* own.lockInterruptible(resv, context);
      },
    })),
    answer: /lock answered EAGAIN; legal: ok/,
  },
  {
    words: "a test of a reservation object says the contrary",
    op: "testSignaled",
    system: reservations((own) => ({ testSignaled: (resv, usage) => !own.testSignaled(resv, usage) })),
    answer: /testSignaled: the right answer is/,
  },
  {
    words: "a negative timeout is taken for none",
    op: "waitFence",
    system: fences((own) => ({
      *waitFence(fence, interruptible, timeout) {
        return yield* own.waitFence(fence, interruptible, Math.max(0, timeout));
      },
    })),
    answer: /waitFence answered ok; legal: EINVAL/,
  },
  {
    words: "a wait ends as if it were interrupted",
    op: "waitFence",
    system: fences((own) => ({
      *waitFence(fence, interruptible, timeout) {
        const result = yield* own.waitFence(fence, interruptible, timeout);
        return result === 0 ? -ERESTARTSYS : result;
      },
    })),
    answer: /waitFence answered ERESTARTSYS; legal: ok/,
  },
  {
    words: "a wait is over too early",
    op: "waitFence",
    system: fences((own) => ({
      *waitFence(fence, interruptible, timeout) {
        return timeout > 0 ? timeout : yield* own.waitFence(fence, interruptible, timeout);
      },
    })),
    answer: /waitFence: the wait is not over/,
  },
  {
    words: "a wait for any of no fences succeeds",
    op: "waitAny",
    system: fences((own) => ({
      *waitAny(members, interruptible, timeout) {
        return members.length === 0 ? { result: 1, index: 0 } : yield* own.waitAny(members, interruptible, timeout);
      },
    })),
    answer: /waitAny answered ok; legal: EINVAL/,
  },
  {
    words: "the second signal succeeds in an old series",
    op: "signal",
    system: fences((own) => ({ signal: (fence) => (own.signal(fence), 0) })),
    answer: /signal answered ok; legal: EINVAL/,
    series: "K6.12",
  },
  {
    words: "a callback on a signaled fence has another errno",
    op: "addCallback",
    system: fences((own) => ({
      addCallback: (fence, callback) => (fence?.signaled ? EINVAL : own.addCallback(fence, callback)),
    })),
    answer: /addCallback answered EINVAL; legal: ENOENT/,
  },
  {
    words: "a container is not made",
    op: "createArray",
    system: fences(() => ({ createArray: () => null })),
    answer: /createArray: nothing kept it from being made/,
  },
  {
    words: "revoke has a reason of its own",
    op: "revoke",
    system: { exporters: { subject: (env) => Object.assign(new DefaultExporter(env), { revoke: () => EACCES }) } },
    answer: /revoke answered EACCES; legal: ok/,
  },
  {
    words: "an import fails for no reason",
    op: "import",
    system: { importers: { subject: (env) => Object.assign(new DynamicImporter(env), { import: () => EACCES }) } },
    answer: /import answered EACCES; legal: ok/,
  },
];

describe("answers that no operation declares", () => {
  test.each(wrong)("$words", ({ op, system, answer, series }) => {
    expect(firstDifference(system, op, series)).toMatch(answer);
  });

  test.each(seriesNames)("the reference gives none under %s", (series) => {
    expect(firstDifference({}, null, series)).toBeNull();
  });
});
