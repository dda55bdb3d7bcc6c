import { describe, expect, it } from "vitest";
import { EDEADLK, EINVAL, ENOENT } from "../../spec/errno.ts";
import { profiles, type Series, seriesNames } from "../../spec/profile.ts";
import type { ReferenceFence } from "../../reference-impl/fences/fence.ts";
import { Counted, FakeEnv } from "./fences-env.ts";

// Expected answers: rows of the kernel runs on 6.12.117 and 7.2.13.
describe.each<Series>([...seriesNames])("fences of %s: signal and callbacks", (series) => {
  const env = new FakeEnv(series);
  const { fences } = env;
  const isOld = series === "K6.12" || series === "K6.16" || series === "K6.19";

  it("FENCE-01/40: latches the owner's yes", () => {
    let done = false;
    let asked = 0;
    const fence = env.fence({ signaled: () => (asked++, done) });
    expect(fences.isSignaled(fence)).toBe(false);
    done = true;
    expect(fences.isSignaled(fence)).toBe(true);
    done = false;
    expect(fences.isSignaled(fence)).toBe(true);
    expect(fences.getStatus(fence)).toBe(1);
    expect(asked).toBe(2);
    expect(env.signaled.filter((one) => one === fence)).toHaveLength(1);
  });

  it("FENCE-02/39: a second signal changes nothing", () => {
    const fence = env.fence();
    const callback = new Counted();
    expect(fences.addCallback(fence, callback)).toBe(0);
    expect(fences.signalTimestamp(fence, 12345)).toBe(0);
    expect(fences.signal(fence)).toBe(isOld ? EINVAL : 0);
    expect(fences.signalTimestamp(fence, 99)).toBe(isOld ? EINVAL : 0);
    expect(callback.runs).toBe(1);
    expect(fences.timestamp(fence)).toBe(12345);
    const other = env.fence();
    expect([fences.checkAndSignal(other), fences.checkAndSignal(other)]).toEqual([false, true]);
  });

  it("FENCE-10/11: status over the life, wrong errors stored as they are", () => {
    for (const [error, status, warns] of [
      [-5, -5, 0],
      [5, 5, 1],
      [0, 1, 1],
    ] as const) {
      const fence = env.fence();
      const before = env.warnings.length;
      fences.setError(fence, error);
      expect(env.warnings.length - before).toBe(warns);
      expect(fences.getStatus(fence)).toBe(0);
      fences.signal(fence);
      expect(fences.getStatus(fence)).toBe(status);
    }
  });

  it("FENCE-11: status asks the owner under the lock, without enabling", () => {
    const depths: number[] = [];
    let enabled = 0;
    const fence = env.fence({
      signaled: () => depths.push(env.atomicDepth) > 0,
      enableSignaling: () => enabled++ >= 0,
    });
    expect(fences.getStatus(fence)).toBe(1);
    expect(depths).toEqual([1]);
    expect(enabled).toBe(0);
  });

  it("FENCE-12/17: refused callbacks", () => {
    const done = env.fence();
    fences.signal(done);
    const failing = env.fence({ enableSignaling: () => false });
    for (const fence of [done, failing]) {
      const callback = new Counted();
      expect(fences.addCallback(fence, callback)).toBe(ENOENT);
      expect(fences.removeCallback(fence, callback)).toBe(false);
      expect(callback.runs).toBe(0);
      expect(fences.getStatus(fence)).toBe(1);
    }
    const before = env.warnings.length;
    expect(fences.addCallback(null, new Counted())).toBe(EINVAL);
    expect(fences.addCallback(done, null)).toBe(EINVAL);
    expect(env.warnings.length - before).toBe(2);
  });

  it("FENCE-12: a callback on a silently complete fence is queued and runs in the next query", () => {
    const fence = env.fence({ signaled: () => true });
    const callback = new Counted();
    expect(fences.addCallback(fence, callback)).toBe(0);
    expect(callback.runs).toBe(0);
    fences.isSignaled(fence);
    expect(callback.runs).toBe(1);
  });

  it("FENCE-13/15/36: order, removal, and what a callback sees", () => {
    const fence = env.fence();
    const seen: unknown[] = [];
    const callbacks = ["a", "b", "c"].map((name) => ({
      run: () => seen.push(name, fence.error, fences.isSignaled(fence), fences.timestamp(fence), env.atomicDepth),
    }));
    for (const callback of callbacks) fences.addCallback(fence, callback);
    expect(fences.removeCallback(fence, callbacks[1]!)).toBe(true);
    expect(fences.removeCallback(fence, callbacks[1]!)).toBe(false);
    fences.setError(fence, -5);
    fences.signalTimestamp(fence, 7);
    fences.signal(fence);
    expect(seen).toEqual(["a", -5, true, 7, 1, "c", -5, true, 7, 1]);
    expect(fences.removeCallback(fence, callbacks[0]!)).toBe(false);
  });

  it("FENCE-14: one structure twice", () => {
    const [first, second] = [env.fence(), env.fence()];
    const callback = new Counted();
    const before = env.warnings.length;
    expect([fences.addCallback(first, callback), fences.addCallback(first, callback)]).toEqual([0, 0]);
    expect(env.warnings.length - before).toBe(1);
    expect(fences.addCallback(second, callback)).toBe(0);
    fences.signal(first);
    fences.signal(second);
    expect(callback.runs).toBe(2);
    expect(env.warnings.length - before).toBe(1);
    const third = env.fence();
    expect(fences.addCallback(third, callback)).toBe(0);
    expect(fences.removeCallback(third, callback)).toBe(true);
  });

  it("FENCE-15: naming the wrong fence removes as well", () => {
    const [real, wrong] = [env.fence(), env.fence()];
    const callback = new Counted();
    fences.addCallback(real, callback);
    expect(fences.removeCallback(wrong, callback)).toBe(true);
    fences.signal(real);
    expect(callback.runs).toBe(0);
  });

  it("FENCE-35: enables once, in atomic context, never after the signal", () => {
    const depths: number[] = [];
    const ops = { enableSignaling: () => depths.push(env.atomicDepth) > 0 };
    const fence = env.fence(ops);
    fences.enableSignaling(fence);
    fences.enableSignaling(fence);
    fences.addCallback(fence, new Counted());
    expect(depths).toEqual([1]);
    const late = env.fence(ops);
    fences.signal(late);
    fences.enableSignaling(late);
    expect(depths).toEqual([1]);
  });

  it("FENCE-38: locking queries inside a callback are reported, is-signaled is not", () => {
    const fence = env.fence();
    const warned: number[] = [];
    const count = (body: () => unknown): void => {
      const before = env.warnings.length;
      body();
      warned.push(env.warnings.length - before);
    };
    const callback = {
      run: () => {
        count(() => fences.getStatus(fence));
        count(() => fences.removeCallback(fence, callback));
        count(() => fences.isSignaled(fence));
      },
    };
    fences.addCallback(fence, callback);
    fences.signal(fence);
    expect(warned).toEqual([1, 1, 0]);
  });

  it("FENCE-21: comparison at the borders", () => {
    const later = (a: bigint, b: bigint, wide: boolean): boolean => {
      const make = (seqno: bigint): ReturnType<FakeEnv["fence"]> => env.fence({ seqno64: wide }, seqno, 77);
      return fences.isLater(make(a), make(b));
    };
    expect(later(1n, 0xffffffffn, false)).toBe(true);
    expect(later(0xffffffffn, 1n, false)).toBe(false);
    expect(later(0x80000000n, 0n, false)).toBe(false);
    expect(later(0n, 0x80000000n, false)).toBe(false);
    expect(later(0x100000001n, 1n, false)).toBe(false);
    expect(later(1n, 0xffffffffn, true)).toBe(false);
    expect(later(0x80000000n, 0n, true)).toBe(true);
    expect(later(0x100000001n, 1n, true)).toBe(true);
    expect(fences.isLater(env.fence(), env.fence())).toBe(false);
    expect(env.warnings.at(-1)).toContain("contexts");
  });

  it("FENCE-29: every hint reaches the owner until the signal", () => {
    const hints: number[] = [];
    const fence = env.fence({ setDeadline: (_fence, deadline) => void hints.push(deadline) });
    for (const deadline of [1000, 2000, 500, -5]) fences.setFenceDeadline(fence, deadline);
    fences.signal(fence);
    fences.setFenceDeadline(fence, 1);
    expect(hints).toEqual([1000, 2000, 500, -5]);
  });

  it("FENCE-30: time stamp of an unsignaled fence warns; supplied values are kept", () => {
    const before = env.warnings.length;
    expect(fences.timestamp(env.fence())).toBe(env.time);
    expect(env.warnings.length - before).toBe(1);
    for (const stamp of [0, -5]) {
      const fence = env.fence();
      fences.signalTimestamp(fence, stamp);
      expect(fences.timestamp(fence)).toBe(stamp);
    }
  });

  it("FENCE-31: detaches ops at the signal where the series does", () => {
    const detaches = profiles[series].detachesFenceOps;
    const plain = env.fence({ signaled: () => false });
    const withRelease = env.fence({ release: () => undefined });
    const withWait = env.fence({ wait: () => 7 });
    for (const fence of [plain, withRelease, withWait]) fences.signal(fence);
    expect([plain, withRelease, withWait].map((fence) => fence.ops === null)).toEqual([detaches, false, false]);
  });

  it("FENCE-23/48: release", () => {
    const order: unknown[] = [];
    const fence: ReferenceFence = env.fence({ release: () => order.push("release", fences.fenceGetLive(fence)) });
    fences.addCallback(fence, { run: () => order.push("callback", fence.error) });
    const before = env.warnings.length;
    fences.fenceGet(fence);
    fences.fencePut(fence);
    expect(order).toEqual([]);
    fences.fencePut(fence);
    expect(order).toEqual(["callback", -EDEADLK, "release", false]);
    expect(env.warnings.length - before).toBe(1);
    expect(env.released.filter((one) => one === fence)).toHaveLength(1);

    const silent = env.fence();
    fences.fencePut(silent);
    expect(env.warnings.length - before).toBe(1);
    expect(env.signaled).not.toContain(silent);
    fences.fencePut(silent);
    fences.fenceGet(silent);
    expect(env.warnings.length - before).toBe(3);
  });

  it("FENCE-09: cookies of signalling sections", () => {
    const outer = fences.beginSignalling();
    const inner = fences.beginSignalling();
    const before = env.warnings.length;
    expect([outer, inner]).toEqual([false, true]);
    fences.endSignalling(inner);
    expect(fences.beginSignalling()).toBe(true);
    const task = env.task;
    env.task = {};
    expect(fences.beginSignalling()).toBe(false);
    fences.endSignalling(false);
    env.task = task;
    fences.endSignalling(outer);
    expect(env.warnings.length - before).toBe(0);
    fences.endSignalling(outer);
    expect(env.warnings.length - before).toBe(1);
  });
});
