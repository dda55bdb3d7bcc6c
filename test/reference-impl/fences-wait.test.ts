import { describe, expect, it } from "vitest";
import { EINVAL, ENOMEM, ERESTARTSYS } from "../../spec/errno.ts";
import { seriesNames } from "../../spec/profile.ts";
import { Counted, drive, FakeEnv } from "./fences-env.ts";

describe.each([...seriesNames])("fences of %s: waits", (series) => {
  const env = new FakeEnv(series);
  const { fences } = env;
  const signaledFence = (): ReturnType<FakeEnv["fence"]> => {
    const fence = env.fence();
    fences.signal(fence);
    return fence;
  };

  it("FENCE-22: results without sleeping", () => {
    const before = env.warnings.length;
    expect(drive(fences.waitFence(env.fence(), false, 0))).toBe(0);
    expect(drive(fences.waitFence(env.fence(), false, -1))).toBe(-EINVAL);
    expect(env.warnings.length - before).toBe(1);
    expect(drive(fences.waitFence(signaledFence(), false, 0))).toBe(1);
    expect(drive(fences.waitFence(signaledFence(), false, 5))).toBe(5);
    expect(drive(fences.waitFence(signaledFence(), false, Infinity))).toBe(Infinity);
    expect(drive(fences.waitFence(env.fence({ enableSignaling: () => false }), false, 5))).toBe(5);
  });

  it("FENCE-22: interruption, also of a poll, only if unsignaled", () => {
    env.interrupt = true;
    expect(drive(fences.waitFence(env.fence(), true, 0))).toBe(-ERESTARTSYS);
    expect(drive(fences.waitFence(env.fence(), true, 50))).toBe(-ERESTARTSYS);
    expect(drive(fences.waitFence(signaledFence(), true, 0))).toBe(1);
    expect(drive(fences.waitFence(env.fence(), false, 0))).toBe(0);
    env.interrupt = false;
    const fence = env.fence();
    const wait = fences.waitFence(fence, true, Infinity);
    expect(drive(wait)).toBe("blocked");
    env.interrupt = true;
    expect(drive(wait)).toBe(-ERESTARTSYS);
    env.interrupt = false;
    expect(fence.callbacks).toEqual([]);
  });

  it("FENCE-22: sleeps until the signal or the end of the time", () => {
    const fence = env.fence();
    const wait = fences.waitFence(fence, true, 1000);
    expect(drive(wait)).toBe("blocked");
    fences.signal(fence);
    const left = drive(wait);
    expect(left).toBeGreaterThan(900);
    expect(left).toBeLessThan(1000);

    const never = env.fence();
    const expiring = fences.waitFence(never, true, 1000);
    expect(drive(expiring)).toBe("blocked");
    env.time += 1000;
    expect(drive(expiring)).toBe(0);
    expect(never.callbacks).toEqual([]);
  });

  it("FENCE-22: an owner's own wait is passed through, also after the signal", () => {
    const fence = env.fence({ wait: (_fence, _interruptible, timeout) => (timeout === 0 ? -62 : 7) });
    expect(drive(fences.waitFence(fence, false, 5))).toBe(7);
    fences.signal(fence);
    expect(drive(fences.waitFence(fence, false, 0))).toBe(-62);
  });

  it("FENCE-41: waits enable, also with timeout 0; queries do not", () => {
    let enabled = 0;
    const fence = env.fence({ enableSignaling: () => ++enabled > 0 });
    fences.isSignaled(fence);
    fences.getStatus(fence);
    drive(fences.waitAny([fence], false, 0));
    expect(enabled).toBe(0);
    drive(fences.waitFence(fence, false, 0));
    expect(enabled).toBe(1);
  });

  it("FENCE-23/24: the last put wakes a sleeper with success", () => {
    const fence = env.fence();
    const wait = fences.waitFence(fence, false, 100000);
    expect(drive(wait)).toBe("blocked");
    const before = env.warnings.length;
    fences.fencePut(fence);
    expect(env.warnings.length - before).toBe(1);
    expect(drive(wait)).toBeGreaterThan(99000);
  });

  it("FENCE-47: wait-any", () => {
    const before = env.warnings.length;
    expect(drive(fences.waitAny([], false, 5))).toMatchObject({ result: -EINVAL });
    expect(drive(fences.waitAny([env.fence()], false, -1))).toMatchObject({ result: -EINVAL });
    expect(env.warnings.length - before).toBe(2);
    env.interrupt = true;
    expect(drive(fences.waitAny([env.fence()], true, 0))).toMatchObject({ result: 0 });
    expect(drive(fences.waitAny([env.fence()], true, 5))).toMatchObject({ result: -ERESTARTSYS });
    env.interrupt = false;
    env.refuse.add("fence-wait-any");
    expect(drive(fences.waitAny([env.fence()], true, 5))).toMatchObject({ result: -ENOMEM });
    env.refuse.clear();
    const [pending, done] = [env.fence({ wait: () => -1 }), signaledFence()];
    expect(drive(fences.waitAny([pending, done, signaledFence()], false, 5))).toEqual({ result: 5, index: 1 });
    expect(pending.callbacks).toEqual([]);
  });

  it("FENCE-47: sleeping wait-any, silent completion does not wake it", () => {
    const silent = env.fence({ signaled: () => true });
    const other = env.fence();
    const wait = fences.waitAny([other, silent], false, 1000);
    expect(drive(wait)).toBe("blocked");
    expect(drive(fences.waitAny([other, silent], false, 0))).toEqual({ result: 1, index: 1 });
    expect(drive(wait)).toMatchObject({ index: 1 });
    expect(other.callbacks).toEqual([]);
    const expiring = fences.waitAny([other, env.fence()], false, 1000);
    expect(drive(expiring)).toBe("blocked");
    env.time += 1000;
    expect(drive(expiring)).toEqual({ result: 0, index: -1 });
  });

  it("queues sleepers ahead of callbacks and keeps the callbacks of others", () => {
    const fence = env.fence();
    const callback = new Counted();
    fences.addCallback(fence, callback);
    const wait = fences.waitFence(fence, false, 1000);
    expect(drive(wait)).toBe("blocked");
    expect(fence.callbacks?.indexOf(callback)).toBe(1);
    env.time += 1000;
    expect(drive(wait)).toBe(0);
    expect(fence.callbacks).toEqual([callback]);
  });
});
