import { describe, expect, it } from "vitest";
import { judgeHistory } from "../../contracts/judge.ts";
import { monitored, registry } from "../../contracts/registry.ts";
import { drawPair, replayPair, type PairProgram } from "../../kernel/pair/draw.ts";
import { isGood, pairCampaign, pairText, shortfalls } from "../../kernel/pair/campaign.ts";
import { compilePair } from "../../kernel/pair/compile.ts";
import { decodePair } from "../../kernel/pair/decode.ts";
import { deviations } from "../../kernel/pair/deviations.ts";
import { differenceOf, differenceText } from "../../kernel/pair/difference.ts";
import { pairEdits } from "../../kernel/pair/faults.ts";
import type { PairResult, RunsPairs } from "../../kernel/pair/kernel.ts";
import { addressOf, type PairStep } from "../../kernel/pair/steps.ts";
import {
  allocateDomain,
  allocateSpace,
  destroy,
  getDmabuf,
  mapFile,
  mockDevice,
  register,
  revokeDmabuf,
  unmapRange,
} from "../../kernel/pair/uapi.ts";
import { profileNamed } from "../../spec/profile-name.ts";
import { scenario, written } from "./pair-sample.ts";

const hooks = [...Array.from({ length: 13 }, (_, index) => `hook${index}`), "invalidate"];
const decode = (text: string) => decodePair(scenario, text.trim().split("\n"), hooks);
const profile = profileNamed("K7.2");

function brokenIn(text: string): readonly string[] {
  const { events } = decode(text);
  return judgeHistory(events, monitored(profile.series), profile).violations.map(({ rule }) => rule.id);
}

describe("requests of the pair", () => {
  it("are the structures of the uAPI, word by word", () => {
    expect(allocateSpace(3)).toEqual({ command: 0x3b81, words: [12, 0, 0], keeps: [[2, 3]] });
    expect(destroy(7)).toEqual({ command: 0x3b80, words: [8, 7], keeps: [] });
    const { command, words } = mapFile(register(0), 5, 4096, 8192, 2 ** 33 + 1);
    expect({ command, words }).toEqual({ command: 0x3b8f, words: [40, 7, -1, 5, 4096, 0, 8192, 0, 1, 2] });
    expect(allocateDomain(5, 6, 7)).toEqual({
      command: 0x3b89,
      words: [48, 0, 5, 6, 0, 0, 0, 0, 0, 0, 0, 0],
      keeps: [[4, 7]],
    });
    expect(unmapRange(1, 2 ** 32, 4096)).toMatchObject({ command: 0x3b86, words: [24, 1, 0, 1, 4096, 0] });
  });

  it("of the test driver are as long as its structure, whichever of them", () => {
    for (const request of [mockDevice(2, 9, 10), getDmabuf(4096), revokeDmabuf(4, true)]) {
      expect(request.command).toBe(0x3ba0);
      expect(request.words).toHaveLength(18);
      expect(request.words[0]).toBe(72);
    }
    expect(mockDevice(2, 9, 10).keeps).toEqual([
      [4, 9],
      [6, 10],
    ]);
    expect(getDmabuf(4096).words.slice(1, 6)).toEqual([22, 0, 0, 4096, 2]);
    expect(revokeDmabuf(4, true).words.slice(1, 6)).toEqual([23, 0, 0, 4, 1]);
  });
});

describe("the model of the pair", () => {
  it("tells everybody with the lock held, and takes the range away for good", () => {
    const { facts, sights } = replayPair(scenario);
    expect(facts[5]).toEqual([
      "get b1",
      "blocked b1",
      "resumed",
      "lock b1",
      "told m1",
      `off ${addressOf(0)} 4096`,
      "told a1",
      "invalidated",
      "unlock b1",
      "put b1",
      "ok",
    ]);
    expect(facts[7]!.at(-1)).toBe("ENODEV");
    expect(sights[3]).toContain(`i1 at ${addressOf(0)}: b1+4096`);
    expect(sights[6]).not.toContain(`i1 at ${addressOf(0)}: b1+4096`);
  });

  it("maps again after the way back, and leaves what was lost a hole", () => {
    const again = { start: 0, length: 4096, importer: "i1", buffer: "b1", closed: false } as const;
    const { facts, sights } = replayPair([
      { id: "s1", op: "export", buffer: "b1", pages: 1 },
      { id: "s2", op: "import", import: "m1", place: 0, ...again },
      { id: "s3", op: "revoke", buffer: "b1" },
      { id: "s4", op: "unrevoke", buffer: "b1" },
      { id: "s5", op: "import", import: "m2", place: 1, ...again },
      { id: "s6", op: "plug", device: "d1", importer: "i1" },
    ]);
    expect(facts[4]!.at(-1)).toBe("ok");
    expect(facts[5]).toEqual([`on ${addressOf(1)} b1+0 4096`, "ok"]);
    expect(sights[5]!.slice(0, 2)).toEqual([`i1 at ${addressOf(0)}: nothing`, `i1 at ${addressOf(1)}: b1+0`]);
  });

  it("takes the range out of every domain, and fills one that comes later with what is left", () => {
    const { facts } = replayPair([
      { id: "s1", op: "export", buffer: "b1", pages: 1 },
      { id: "s2", op: "plug", device: "d1", importer: "i1" },
      {
        id: "s3",
        op: "import",
        import: "m1",
        importer: "i1",
        buffer: "b1",
        start: 0,
        length: 4096,
        place: 0,
        closed: false,
      },
      { id: "s4", op: "domain", domain: "h1", device: "d1" },
      { id: "s5", op: "unrevoke", buffer: "b1" },
      { id: "s6", op: "domain", domain: "h2", device: "d1" },
      { id: "s7", op: "undomain", domain: "h1" },
    ]);
    expect(facts[3]).toEqual([`on ${addressOf(0)} b1+0 4096`, "ok"]);
    expect(facts[4]!.filter((fact) => fact.startsWith("off"))).toHaveLength(2);
    expect([facts[5], facts[6]]).toEqual([["ok"], ["ok"]]);
  });

  it("draws the same program of a seed, and leaves nothing behind", () => {
    const met = new Set<string>();
    for (let seed = 1; seed <= 200; seed += 1) {
      const program = drawPair(seed);
      expect(drawPair(seed)).toEqual(program);
      const count = (op: PairStep["op"]) => program.steps.filter((step) => step.op === op).length;
      expect(count("close")).toBe(count("export"));
      expect(program.facts.flat().filter((fact) => fact.startsWith("released"))).toHaveLength(count("export"));
      for (const fact of program.facts.flat()) met.add(fact.split(" ")[0]!);
    }
    for (const answer of ["ENODEV", "EINVAL", "EBADF", "EEXIST", "ENOENT", "EOPNOTSUPP", "blocked"])
      expect(met).toContain(answer);
  });

  it("fits the module's lines", () => {
    const names = "file:open file:close file:request number:close unit:probe unit:forget put attach detach mapUnlocked";
    const work = ["lock", "unlock", "fenceInit", "reserveFences", "addFence", "signal", "fencePut"];
    const operations = new Map([...names.split(" "), ...work].map((name, index) => [name, index]));
    const seeds = Array.from({ length: 50 }, (_, index) => index + 1);
    const lines = seeds.flatMap((seed) => compilePair(drawPair(seed).steps, operations));
    const orders = lines.filter((line) => line.startsWith("o"));
    expect(Math.max(...orders.map((line) => line.split(" ").length))).toBeLessThanOrEqual(5 + 32);
    expect(() => compilePair(scenario, new Map())).toThrow("this module has no file:open");
  });
});

describe("what a kernel shows of the pair", () => {
  const program: PairProgram = replayPair(scenario);

  it("is what the model says, and no rule is broken", () => {
    expect(differenceOf(program, decode(written))).toBeNull();
    expect(brokenIn(written)).toEqual([]);
  });

  it.each([
    ["a range that stays after a revoke", /p 0 5 0 off .*\n/, "", "REV-48"],
    ["a revoke that tells nobody", /p 0 5 1 guard 0\np 0 5 0 off .*\nh .*\nH .*\np 0 5 0 told 0\n/, "", "REV-03"],
    ["a recorder that is not told", /h 0 5 .*\nH 0 5 .*\n/, "", "MOVE-02"],
    ["a reference that is kept", /p 0 8 1 put 0\n/, "", "REV-54"],
    ["an import of what is revoked", /r 0 7 0 19 -1/, "r 0 7 0 0 -1", "REV-49"],
    ["a callback without the lock", /L 0 5 0 8 -1 0 0 1 1\n/, "", "MOVE-01"],
  ])("%s is a difference, and says which rule it is about", (_what, find, replace, rule) => {
    const changed = written.replace(find, replace);
    expect(changed).not.toBe(written);
    const difference = differenceOf(program, decode(changed))!;
    expect(difference.rules).toContain(rule);
    expect(differenceText(difference).join("\n")).toContain(rule);
  });

  it("breaks the rule itself where the history tells enough", () => {
    expect(brokenIn(written.replace(/h 0 5 .*\nH 0 5 .*\n/, ""))).toContain("MOVE-02");
  });

  it("says so where facts only come in another order, and where the kernel complains", () => {
    const swapped = written
      .replace(/(p 0 5 1 put 0)\n(U 0 5 0 8 1)/, "$2")
      .replace(/(U 0 5 0 8 1)/, "p 0 5 1 put 0\n$1");
    const other = differenceOf(program, decode(swapped.replace(/(p 0 5 1 put 0\nU 0 5 0 8 1)\np 0 5 1 put 0/, "$1")))!;
    expect(differenceText(other).join("\n")).toContain("other order");
    const warned = `${written.trim().replace(/\nV .*/, "")}\nW 0 12 0 WARNING: something\nV 0 0 1 0 0`;
    expect(differenceOf(program, decode(warned))).toMatchObject({ step: "the end" });
  });
});

describe("work on a buffer of the pair", () => {
  const steps: readonly PairStep[] = [
    { id: "s1", op: "export", buffer: "b1", pages: 1 },
    { id: "s2", op: "work", fence: "f1", buffer: "b1" },
    { id: "s3", op: "revoke", buffer: "b1" },
    { id: "s4", op: "finish", fence: "f1" },
  ];
  const text = `
c 0 0 0
r 0 0 0 0 0
L 1 1 0 8 -1 0 0 0 0
c 1 1 0
r 1 1 0 0 77
c 1 1 0
r 1 1 0 0
c 1 1 0
r 1 1 0 0
U 1 1 0 8 0
c 0 2 0
p 0 2 1 get 0
L 0 2 0 8 -1 0 0 1 0
p 0 2 0 told 0
U 0 2 0 8 1
p 0 2 1 put 0
r 0 2 0 0 -1
c 1 3 0
S 1 3 1 0 0 0
s -1 -1 0 0 99
r 1 3 0 0
c 1 3 0
r 1 3 0 0
V 0 1 0 0 0`;

  it("is not waited for by the test exporter, which the rules say and the model knows", () => {
    const run = decodePair(steps, text.trim().split("\n"), hooks);
    expect(differenceOf(replayPair(steps), run)).toBeNull();
    const broken = judgeHistory(run.events, monitored(profile.series), profile).violations.map(({ rule }) => rule.id);
    expect(broken).toContain("REV-06");
    expect(run.events.find((event) => event.kind === "signal")).toMatchObject({ fence: "f1", time: 99 });
  });
});

describe("a run of the pair", () => {
  const kernel = (change: (result: PairResult) => PairResult): RunsPairs => ({
    started: 1,
    renew: () => undefined,
    run: (programs) =>
      Promise.resolve(
        programs.map((program) => {
          const { facts, sights } = program;
          const ending = { lockdep: true, stuck: 0, late: 0 };
          return change({ program, run: { facts, sights, complaints: [], events: [], ending }, log: "" });
        }),
      ),
  });

  it("is good where a kernel does what the model does, and says so in figures", async () => {
    const tally = await pairCampaign(
      kernel((result) => result),
      1,
      20,
    );
    expect(isGood(tally)).toBe(true);
    expect(pairText(tally, "7.3.4", 3)).toContain("20 programs");
  });

  it("is bad where it does not, where it dies, and where it meets too little", async () => {
    const deaf = await pairCampaign(
      kernel(({ program, run }) => ({
        program,
        log: "",
        run: { ...run!, facts: run!.facts.map((facts) => facts.filter((fact) => !fact.startsWith("told"))) },
      })),
      1,
      20,
    );
    expect(isGood(deaf)).toBe(false);
    expect(pairText(deaf, "7.3.4", 3)).toContain("MOVE-02");
    const dead = await pairCampaign(
      kernel(({ program }) => ({ program, run: null, log: "panic" })),
      1,
      2,
    );
    expect(pairText(dead, "7.3.4", 3)).toContain("did not survive");
    expect(isGood(dead)).toBe(false);
    const still = await pairCampaign(
      kernel((result) => result),
      1,
      300,
    );
    expect(shortfalls(still).join("\n")).toContain("stale");
  });

  it("names rules that exist", () => {
    const ids = new Set(registry.map(({ id }) => id));
    for (const { rule } of [...deviations, ...pairEdits]) expect(ids).toContain(rule);
  });
});
