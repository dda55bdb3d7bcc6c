import type { reservationOperations } from "../../spec/operations/reservation.ts";
import type { AcquireState } from "../../spec/state/state.ts";
import { heldLock, pickFence, pickReservation, pickUsage, type DrawContext, type Draws } from "./context.ts";

function ownContext({ state, task }: DrawContext): readonly [string, AcquireState] | null {
  for (const [name, acquire] of state.acquires)
    if (acquire.task === task && acquire.phase !== "fini") return [name, acquire];
  return null;
}

function drawLock(context: DrawContext): { readonly resv: string; readonly acquire: string | null } | null {
  const own = ownContext(context);
  const resv = own?.[1].contended ?? pickReservation(context);
  return resv === null ? null : { resv, acquire: own?.[0] ?? null };
}

function drawSlow(context: DrawContext): { readonly resv: string; readonly acquire: string | null } | null {
  const own = ownContext(context);
  if (own === null || own[1].contended === null) return null;
  return { resv: own[1].contended, acquire: own[0] };
}

function withContext(context: DrawContext): { readonly acquire: string } | null {
  const own = ownContext(context);
  return own === null ? null : { acquire: own[0] };
}

function withReservation(context: DrawContext) {
  const resv = pickReservation(context);
  return resv === null ? null : { resv };
}

/** Draws for reservation objects and acquire contexts. */
export const reservationDraws: Draws<keyof typeof reservationOperations> = {
  acquireInit: (context) => ({ acquire: context.name("acquire") }),
  acquireDone: withContext,
  acquireFini: withContext,
  lock: drawLock,
  lockInterruptible: drawLock,
  lockSlow: drawSlow,
  lockSlowInterruptible: drawSlow,
  trylock: withReservation,
  unlock: (context) => {
    const resv = heldLock(context);
    return resv === null ? null : { resv };
  },
  reserveFences: (context) => {
    const resv = heldLock(context);
    if (resv === null) return null;
    return { resv, count: context.refused ? 0 : context.random.pick([1, 1, 2, 3, 8, 300_000_000]) };
  },
  addFence: (context) => {
    const resv = heldLock(context);
    const fence = pickFence(context, (row) => (row.kind === "plain") !== context.misuse);
    return resv === null || fence === null ? null : { resv, fence, usage: pickUsage(context) };
  },
  replaceFences: (context) => {
    const resv = heldLock(context);
    const [old, fence] = [pickFence(context), pickFence(context, (row) => row.kind === "plain")];
    if (resv === null || old === null || fence === null) return null;
    return { resv, old, fence, usage: pickUsage(context) };
  },
  copyFences: (context) => {
    const destination = heldLock(context);
    const source = pickReservation(context);
    return destination === null || source === null ? null : { destination, source };
  },
  iterateFences: (context) => {
    const resv = heldLock(context);
    return resv === null ? null : { resv, usage: pickUsage(context) };
  },
  getFences: (context) => {
    const resv = pickReservation(context);
    return resv === null ? null : { resv, usage: pickUsage(context) };
  },
  getSingleton: (context) => {
    const resv = pickReservation(context);
    return resv === null ? null : { resv, usage: pickUsage(context), fence: context.name("fence") };
  },
  waitFences: (context) => {
    const resv = pickReservation(context);
    if (resv === null) return null;
    const { random } = context;
    const timeout = random.pick([0, 0, 50, 1_000_000]);
    return { resv, usage: pickUsage(context), interruptible: random.chance(0.5), timeout };
  },
  testSignaled: (context) => {
    const resv = pickReservation(context);
    return resv === null ? null : { resv, usage: pickUsage(context) };
  },
  setDeadline: (context) => {
    const resv = pickReservation(context);
    return resv === null ? null : { resv, usage: pickUsage(context), deadline: context.random.pick([-5, 1000, 2000]) };
  },
};
