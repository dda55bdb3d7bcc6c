import type { FenceHook } from "../../spec/calls.ts";
import type { Errno } from "../../spec/errno.ts";
import type { Fence, FenceCallback, FenceOps } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { settle } from "../settle.ts";
import { recordFenceOps } from "./fence-hooks.ts";
import { addCallback, removeCallback } from "./recorded-calls.ts";
import { NegotiationEnv } from "./negotiation-env.ts";

const hookNames: readonly FenceHook[] = ["enableSignaling", "signaled", "wait", "release", "setDeadline"];

/** `Env` as exporters, importers and programs get it: every framework call recorded. */
export class RecordedEnv extends NegotiationEnv {
  fenceContextAlloc(count: number): number {
    return this.world.framework.fences.fenceContextAlloc(count);
  }

  fenceInit(ops: FenceOps, context: number, seqno: bigint, seqno64 = false): Fence {
    const { world, by } = this;
    const name = world.names.next("fence", world.scheduler.current.stepId);
    const hooks = hookNames.filter((hook) => ops[hook] !== undefined);
    const args = { fence: name, context, seqno: Number(seqno), seqno64: seqno64 || ops.seqno64 === true, hooks };
    const call = world.recorder.emit({ kind: "call", op: "fenceInit", by, ...args });
    const fence = world.framework.fences.fenceInit(recordFenceOps(world, by, ops), context, seqno, seqno64);
    world.names.bind(fence, name);
    world.recorder.emit({ kind: "ret", op: "fenceInit", by, call, errno: 0, ...args });
    return fence;
  }

  fenceGet(fence: Fence): void {
    const { world, by } = this;
    const args = { fence: this.fenceName(fence) };
    const call = world.recorder.emit({ kind: "call", op: "fenceGet", by, ...args });
    world.framework.fences.fenceGet(fence);
    world.recorder.emit({ kind: "ret", op: "fenceGet", by, call, errno: 0, ...args });
  }

  fenceGetLive(fence: Fence): boolean {
    const { world, by } = this;
    const args = { fence: this.fenceName(fence) };
    const call = world.recorder.emit({ kind: "call", op: "fenceGetLive", by, ...args });
    const answer = world.framework.fences.fenceGetLive(fence);
    world.recorder.emit({ kind: "ret", op: "fenceGetLive", by, call, errno: 0, ...args, answer });
    return answer;
  }

  fencePut(fence: Fence): void {
    const { world, by } = this;
    const args = { fence: this.fenceName(fence) };
    const call = world.recorder.emit({ kind: "call", op: "fencePut", by, ...args });
    world.framework.fences.fencePut(fence);
    world.recorder.emit({ kind: "ret", op: "fencePut", by, call, errno: 0, ...args });
  }

  signal(fence: Fence): Errno {
    const { world, by } = this;
    const args = { fence: this.fenceName(fence) };
    const call = world.recorder.emit({ kind: "call", op: "signal", by, ...args });
    const errno = world.framework.fences.signal(fence);
    world.recorder.emit({ kind: "ret", op: "signal", by, call, errno, ...args });
    return errno;
  }

  signalTimestamp(fence: Fence, timestamp: number): Errno {
    const { world, by } = this;
    const args = { fence: this.fenceName(fence), timestamp };
    const call = world.recorder.emit({ kind: "call", op: "signalTimestamp", by, ...args });
    const errno = world.framework.fences.signalTimestamp(fence, timestamp);
    world.recorder.emit({ kind: "ret", op: "signalTimestamp", by, call, errno, ...args });
    return errno;
  }

  checkAndSignal(fence: Fence): boolean {
    const { world, by } = this;
    const args = { fence: this.fenceName(fence) };
    const call = world.recorder.emit({ kind: "call", op: "checkAndSignal", by, ...args });
    const answer = world.framework.fences.checkAndSignal(fence);
    world.recorder.emit({ kind: "ret", op: "checkAndSignal", by, call, errno: 0, ...args, answer });
    return answer;
  }

  setError(fence: Fence, error: number): void {
    const { world, by } = this;
    const args = { fence: this.fenceName(fence), error };
    const call = world.recorder.emit({ kind: "call", op: "setError", by, ...args });
    world.framework.fences.setError(fence, error);
    world.recorder.emit({ kind: "ret", op: "setError", by, call, errno: 0, ...args });
  }

  getStatus(fence: Fence): number {
    const { world, by } = this;
    const args = { fence: this.fenceName(fence) };
    const call = world.recorder.emit({ kind: "call", op: "getStatus", by, ...args });
    const status = world.framework.fences.getStatus(fence);
    world.recorder.emit({ kind: "ret", op: "getStatus", by, call, errno: 0, ...args, status });
    return status;
  }

  isSignaled(fence: Fence): boolean {
    const { world, by } = this;
    const args = { fence: this.fenceName(fence) };
    const call = world.recorder.emit({ kind: "call", op: "isSignaled", by, ...args });
    const answer = world.framework.fences.isSignaled(fence);
    world.recorder.emit({ kind: "ret", op: "isSignaled", by, call, errno: 0, ...args, answer });
    return answer;
  }

  timestamp(fence: Fence): number {
    const { world, by } = this;
    const args = { fence: this.fenceName(fence) };
    const call = world.recorder.emit({ kind: "call", op: "timestamp", by, ...args });
    const time = world.framework.fences.timestamp(fence);
    world.recorder.emit({ kind: "ret", op: "timestamp", by, call, errno: 0, ...args, time });
    return time;
  }

  isLater(first: Fence, second: Fence): boolean {
    const { world, by } = this;
    const args = { first: this.fenceName(first), second: this.fenceName(second) };
    const call = world.recorder.emit({ kind: "call", op: "isLater", by, ...args });
    const answer = world.framework.fences.isLater(first, second);
    world.recorder.emit({ kind: "ret", op: "isLater", by, call, errno: 0, ...args, answer });
    return answer;
  }

  addCallback(fence: Fence | null, callback: FenceCallback | null): Errno {
    return addCallback(this.world, this.by, fence, callback);
  }

  removeCallback(fence: Fence, callback: FenceCallback): boolean {
    return removeCallback(this.world, this.by, fence, callback);
  }

  enableSignaling(fence: Fence): void {
    const { world, by } = this;
    const args = { fence: this.fenceName(fence) };
    const call = world.recorder.emit({ kind: "call", op: "enableSignaling", by, ...args });
    world.framework.fences.enableSignaling(fence);
    world.recorder.emit({ kind: "ret", op: "enableSignaling", by, call, errno: 0, ...args });
  }

  setFenceDeadline(fence: Fence, deadline: number): void {
    const { world, by } = this;
    const args = { fence: this.fenceName(fence), deadline };
    const call = world.recorder.emit({ kind: "call", op: "setFenceDeadline", by, ...args });
    world.framework.fences.setFenceDeadline(fence, deadline);
    world.recorder.emit({ kind: "ret", op: "setFenceDeadline", by, call, errno: 0, ...args });
  }

  *waitFence(fence: Fence, interruptible: boolean, timeout: number): Generator<Suspension, number, unknown> {
    this.begun();
    const { world, by } = this;
    const args = { fence: this.fenceName(fence), interruptible, timeout };
    yield* world.at("wait");
    const call = world.recorder.emit({ kind: "call", op: "waitFence", by, ...args });
    const result = yield* settle(world.framework.fences.waitFence(fence, interruptible, timeout), "waitFence");
    const errno = result < 0 ? -result : 0;
    world.recorder.emit({ kind: "ret", op: "waitFence", by, call, errno, ...args, result });
    return result;
  }

  *waitAny(
    fences: readonly Fence[],
    interruptible: boolean,
    timeout: number,
  ): Generator<Suspension, { readonly result: number; readonly index: number }, unknown> {
    this.begun();
    const { world, by } = this;
    const args = { fences: fences.map((fence) => this.fenceName(fence)), interruptible, timeout };
    const call = world.recorder.emit({ kind: "call", op: "waitAny", by, ...args });
    const outcome = yield* settle(world.framework.fences.waitAny(fences, interruptible, timeout), "waitAny");
    const { result, index } = outcome;
    const errno = result < 0 ? -result : 0;
    world.recorder.emit({ kind: "ret", op: "waitAny", by, call, errno, ...args, result, index });
    return outcome;
  }

  beginSignalling(): boolean {
    const { world, by } = this;
    const call = world.recorder.emit({ kind: "call", op: "beginSignalling", by });
    const cookie = world.framework.fences.beginSignalling();
    world.recorder.emit({ kind: "ret", op: "beginSignalling", by, call, errno: 0, cookie });
    return cookie;
  }

  endSignalling(cookie: boolean): void {
    const { world, by } = this;
    const call = world.recorder.emit({ kind: "call", op: "endSignalling", by, cookie });
    world.framework.fences.endSignalling(cookie);
    world.recorder.emit({ kind: "ret", op: "endSignalling", by, call, errno: 0, cookie });
  }

  createArray(fences: readonly Fence[], context: number, seqno: bigint, signalOnAny: boolean): Fence | null {
    const { world, by } = this;
    const name = world.names.next("fence", world.scheduler.current.stepId);
    const members = fences.map((fence) => this.fenceName(fence));
    const args = { fence: name, members, context, seqno: Number(seqno), signalOnAny };
    const call = world.recorder.emit({ kind: "call", op: "createArray", by, ...args });
    const array = world.framework.fences.createArray(fences, context, seqno, signalOnAny);
    if (array !== null) world.names.bind(array, name);
    world.recorder.emit({ kind: "ret", op: "createArray", by, call, errno: 0, ...args, created: array !== null });
    return array;
  }

  createChain(previous: Fence | null, fence: Fence, seqno: bigint): Fence | null {
    const { world, by } = this;
    const name = world.names.next("fence", world.scheduler.current.stepId);
    const args = {
      fence: name,
      previous: previous === null ? null : this.fenceName(previous),
      contained: this.fenceName(fence),
      seqno: Number(seqno),
    };
    const call = world.recorder.emit({ kind: "call", op: "createChain", by, ...args });
    const node = world.framework.fences.createChain(previous, fence, seqno);
    if (node !== null) world.names.bind(node, name);
    const made = { created: node !== null, context: node?.context ?? 0, number: Number(node?.seqno ?? 0n) };
    world.recorder.emit({ kind: "ret", op: "createChain", by, call, errno: 0, ...args, ...made });
    return node;
  }

  findSeqno(fence: Fence, seqno: bigint): Fence | null | Errno {
    const { world, by } = this;
    const args = { fence: this.fenceName(fence), seqno: Number(seqno) };
    const call = world.recorder.emit({ kind: "call", op: "findSeqno", by, ...args });
    const result = world.framework.fences.findSeqno(fence, seqno);
    const errno = typeof result === "number" ? result : 0;
    const found = typeof result === "number" || result === null ? null : this.fenceName(result);
    world.recorder.emit({ kind: "ret", op: "findSeqno", by, call, errno, ...args, found });
    return result;
  }

  merge(fences: readonly Fence[]): Fence | null {
    const { world, by } = this;
    const { names } = world;
    const step = world.scheduler.current.stepId;
    const name = names.next("fence", step);
    const args = { fence: name, fences: fences.map((fence) => this.fenceName(fence)) };
    const call = world.recorder.emit({ kind: "call", op: "merge", by, ...args });
    // A fresh fence may signal before merge returns: its name has to be waiting.
    names.want(step, "fence", name);
    const result = world.framework.fences.merge(fences);
    const merged = result === null ? null : names.of(result, "fence", step);
    names.forgetName(name);
    const fresh = merged === name ? result : null;
    const array = fresh !== null && world.framework.fences.isContainer(fresh);
    const members = array ? world.framework.fences.unwrap(fresh).map((fence) => this.fenceName(fence)) : [];
    const time = fresh === null || array ? null : world.framework.fences.timestamp(fresh);
    const made = { context: result?.context ?? 0, number: Number(result?.seqno ?? 0n), members, time };
    world.recorder.emit({ kind: "ret", op: "merge", by, call, errno: 0, ...args, merged, ...made });
    return result;
  }

  unwrap(fence: Fence): readonly Fence[] {
    return this.world.framework.fences.unwrap(fence);
  }

  isContainer(fence: Fence): boolean {
    return this.world.framework.fences.isContainer(fence);
  }
}
