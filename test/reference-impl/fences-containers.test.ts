import { describe, expect, it } from "vitest";
import type { ReferenceFence } from "../../reference-impl/fences/fence.ts";
import { EINVAL } from "../../spec/errno.ts";
import { type Series, seriesNames } from "../../spec/profile.ts";
import { Counted, drive, FakeEnv } from "./fences-env.ts";

describe.each<Series>([...seriesNames])("fences of %s: arrays", (series) => {
  const env = new FakeEnv(series);
  const { fences } = env;
  const array = (members: readonly ReferenceFence[], any = false): ReferenceFence => {
    const made = fences.createArray(members, fences.fenceContextAlloc(1), 1n, any);
    if (made === null) throw new Error("no memory");
    return made;
  };
  const fail = (fence: ReferenceFence, error: number): void => {
    fences.setError(fence, error);
    fences.signal(fence);
  };

  it("FENCE-25: all members, or any where the series has it", () => {
    const members = [env.fence(), env.fence()];
    const all = array(members);
    const any = array([env.fence(), env.fence()], true);
    fences.signal(members[0]!);
    expect(fences.isSignaled(all)).toBe(false);
    fences.signal(members[1]!);
    expect(fences.isSignaled(all)).toBe(true);
    fences.enableSignaling(any);
    fences.signal(fences.unwrap(any)[1] as ReferenceFence);
    env.runDeferred();
    expect(fences.getStatus(any)).toBe(series === "K6.12" ? 1 : 0);
  });

  it("FENCE-25/49: container members warn, failed creation leaves the references", () => {
    const before = env.warnings.length;
    array([array([env.fence()])]);
    expect(env.warnings.length - before).toBe(1);
    const member = env.fence();
    env.refuse.add("fence-array");
    expect(fences.createArray([member], 1, 1n, false)).toBeNull();
    env.refuse.clear();
    expect(member.references).toBe(1);
  });

  it("FENCE-42: first error by enabling, by index, or none by query", () => {
    const run = (enable: "before" | "never" | "after" | "between"): number => {
      const members = [env.fence(), env.fence()];
      const made = array(members);
      if (enable === "before") fences.enableSignaling(made);
      fail(members[1]!, -7);
      if (enable === "between") fences.enableSignaling(made);
      fail(members[0]!, -5);
      env.runDeferred();
      if (enable === "after") drive(fences.waitFence(made, false, 0));
      return fences.getStatus(made);
    };
    expect([run("before"), run("never"), run("after"), run("between")]).toEqual([-7, 1, -5, -7]);
  });

  it("FENCE-44: serves callbacks by deferred work, without a further call", () => {
    const members = [env.fence(), env.fence()];
    const made = array(members);
    const callback = new Counted();
    fences.addCallback(made, callback);
    for (const member of members) fences.signal(member);
    expect(callback.runs).toBe(0);
    expect(env.runDeferred()).toBe(1);
    expect(callback.runs).toBe(1);
  });

  it("a query before the deferred work signals; the work then changes nothing", () => {
    const member = env.fence();
    const made = array([member]);
    fences.enableSignaling(made);
    fail(member, -5);
    expect(fences.getStatus(made)).toBe(-5);
    env.runDeferred();
    expect(fences.getStatus(made)).toBe(-5);
    expect(env.signaled.filter((one) => one === made)).toHaveLength(1);
  });

  it("FENCE-49: an idle array dies at once, an enabled one with its members' signals", () => {
    const idle = array([env.fence()]);
    fences.fencePut(idle);
    expect(env.released.slice(-2)[0]).toBe(idle);

    const members = [env.fence(), env.fence()];
    for (const member of members) fences.fenceGet(member);
    const enabled = array(members);
    fences.enableSignaling(enabled);
    fences.fencePut(enabled);
    expect(enabled.references).toBe(2);
    for (const member of members) fences.signal(member);
    env.runDeferred();
    expect(enabled.references).toBe(0);
    expect(members.map((member) => member.references)).toEqual([1, 1]);
  });

  it("FENCE-29: hints go to unsignaled members", () => {
    const hints: string[] = [];
    const owner = (name: string): ReferenceFence => env.fence({ setDeadline: () => void hints.push(name) });
    const members = [owner("a"), owner("b")];
    fences.signal(members[0]!);
    fences.setFenceDeadline(array(members), 9);
    expect(hints).toEqual(["b"]);
  });
});

describe.each<Series>([...seriesNames])("fences of %s: chains and merging", (series) => {
  const env = new FakeEnv(series);
  const { fences } = env;
  /** Nodes with these numbers, oldest first, and their contained fences. */
  const chain = (...numbers: bigint[]): { nodes: ReferenceFence[]; contained: ReferenceFence[] } => {
    const nodes: ReferenceFence[] = [];
    const contained: ReferenceFence[] = [];
    for (const number of numbers) {
      const fence = env.fence();
      const previous = nodes.at(-1) ?? null;
      if (previous) fences.fenceGet(previous);
      fences.fenceGet(fence);
      const node = fences.createChain(previous, fence, number);
      if (node === null) throw new Error("no memory");
      nodes.push(node);
      contained.push(fence);
    }
    return { nodes, contained };
  };

  it("FENCE-26/44: signaled with everything before it, by query or by deferred work", () => {
    const { nodes, contained } = chain(1n, 2n, 3n);
    fences.signal(contained[2]!);
    expect(fences.isSignaled(nodes[2]!)).toBe(false);
    fences.signal(contained[0]!);
    fences.signal(contained[1]!);
    expect(nodes.map((node) => fences.isSignaled(node))).toEqual([true, true, true]);

    const second = chain(1n, 2n);
    const callback = new Counted();
    fences.addCallback(second.nodes[1]!, callback);
    fences.signal(second.contained[1]!);
    env.runDeferred();
    expect(callback.runs).toBe(0);
    fences.signal(second.contained[0]!);
    env.runDeferred();
    expect(callback.runs).toBe(1);
    expect(second.nodes[1]!.references).toBe(1);
  });

  it("FENCE-27: finding points", () => {
    const { nodes, contained } = chain(1n, 5n, 9n);
    const last = nodes[2]!;
    const find = (point: bigint): number | bigint | null => {
      const found = fences.findSeqno(last, point);
      if (found === null || typeof found === "number") return found;
      fences.fencePut(found);
      return found.seqno;
    };
    expect([0n, 1n, 2n, 5n, 6n, 9n, 10n].map(find)).toEqual([9n, 1n, 5n, 5n, 9n, 9n, EINVAL]);
    expect(fences.findSeqno(env.fence(), 1n)).toBe(EINVAL);
    expect(nodes.map((node) => node.references)).toEqual([2, 2, 1]);
    fences.signal(contained[1]!);
    expect([4n, 5n].map(find)).toEqual([1n, 1n]);
    expect(nodes.map((node) => node.references)).toEqual([3, 1, 1]);
    fences.signal(contained[0]!);
    expect([1n, 5n, 6n].map(find)).toEqual([null, null, 9n]);
  });

  it("FENCE-43: a node does not take errors over", () => {
    const { nodes, contained } = chain(1n, 2n);
    fences.addCallback(nodes[1]!, new Counted());
    for (const fence of contained) {
      fences.setError(fence, -5);
      fences.signal(fence);
    }
    env.runDeferred();
    expect(fences.getStatus(nodes[1]!)).toBe(1);
    expect(fences.getStatus(nodes[0]!)).toBe(1);
  });

  it("FENCE-45: numbers that do not advance", () => {
    const { nodes } = chain(5n, 3n, 5n, 6n);
    expect(nodes.map((node) => node.seqno)).toEqual([5n, 5n, 5n, 6n]);
    expect(new Set(nodes.map((node) => node.context)).size).toBe(3);
    expect(nodes[3]!.context).toBe(nodes[2]!.context);
    const plain = env.fence({}, 100n);
    const node = fences.createChain(plain, env.fence(), 3n);
    expect([node?.seqno, node?.context === plain.context]).toEqual([3n, false]);
  });

  it("FENCE-26/49: a chain as contained fence warns; no memory leaves the references", () => {
    const before = env.warnings.length;
    const { nodes } = chain(1n);
    fences.createChain(null, nodes[0]!, 1n);
    expect(env.warnings.length - before).toBe(1);
    const fence = env.fence();
    env.refuse.add("fence-chain");
    expect(fences.createChain(null, fence, 1n)).toBeNull();
    env.refuse.clear();
    expect(fence.references).toBe(1);
  });

  it("FENCE-49: releases a long chain without recursion, each fence once", () => {
    let last: ReferenceFence | null = null;
    for (let number = 1n; number <= 20000n; number++) last = fences.createChain(last, env.fence(), number);
    const before = env.released.length;
    fences.fencePut(last!);
    expect(env.released.length - before).toBe(40000);
  });

  it("FENCE-29: hints go to every unsignaled fence of a chain", () => {
    const hints: string[] = [];
    const owner = (name: string): ReferenceFence => env.fence({ setDeadline: () => void hints.push(name) });
    const [a, b] = [owner("a"), owner("b")];
    const node = fences.createChain(fences.createChain(null, a, 1n), b, 2n)!;
    fences.signal(b);
    fences.setFenceDeadline(node, 9);
    expect(hints).toEqual(["a"]);
    expect(node.references).toBe(1);
  });

  it("unwraps chains, newest first, arrays inside them, and plain fences", () => {
    const { nodes, contained } = chain(1n, 2n, 3n);
    fences.signal(contained[1]!);
    expect(fences.unwrap(nodes[2]!)).toEqual([contained[2], contained[0]]);
    const members = [env.fence(), env.fence()];
    const node = fences.createChain(nodes[2]!, fences.createArray(members, 0, 1n, false)!, 4n)!;
    expect(fences.unwrap(node)).toEqual([...members, contained[2], contained[0]]);
    expect(fences.unwrap(members[0]!)).toEqual([members[0]]);
    expect([node, members[0]!].map((fence) => fences.isContainer(fence))).toEqual([true, false]);
    expect(node.references).toBe(1);
  });

  it("FENCE-28/46: merges by the number of fences left", () => {
    const failed = [env.fence(), env.fence()];
    failed.forEach((fence, index) => {
      fences.setError(fence, -5);
      fences.signalTimestamp(fence, 70 - index);
    });
    const stub = fences.merge(failed)!;
    expect([stub.context, stub.seqno, fences.getStatus(stub), fences.timestamp(stub)]).toEqual([0, 0n, 1, 70]);

    const pending = env.fence();
    expect(fences.merge([failed[0]!, pending])).toBe(pending);
    expect(fences.merge([pending, pending])).toBe(pending);
    expect(pending.references).toBe(3);

    const context = fences.fenceContextAlloc(1);
    const [early, later] = [env.fence({}, 1n, context), env.fence({}, 2n, context)];
    const { nodes, contained } = chain(1n, 2n);
    const members = [env.fence(), early];
    const flat = fences.merge([fences.createArray(members, 0, 1n, false)!, nodes[1]!, later, later, pending])!;
    expect(new Set(fences.unwrap(flat))).toEqual(new Set([pending, later, ...contained, members[0]]));
    expect(fences.unwrap(flat)).toHaveLength(5);
    expect(early.references).toBe(1);
    expect(later.references).toBe(2);
    fences.fencePut(flat);
    expect(later.references).toBe(1);
  });

  it.each(["fence-merge", "fence-array"])("FENCE-28: no memory at %s gives the references back", (site) => {
    const members = [env.fence(), env.fence()];
    env.refuse.add(site);
    expect(fences.merge(members)).toBeNull();
    env.refuse.clear();
    expect(members.map((member) => member.references)).toEqual([1, 1]);
  });
});
