import type { LockRequest, WaitFor } from "../../spec/event.ts";
import type { Setup } from "../../spec/program.ts";

/**
 * What can be held, asked for or waited for, by class: one class stands for the same thing in all runs, as a lock class
 * does in the kernel's lockdep. All waits for fences are one class, as there: who waits for the fences of a reservation
 * object waits for whichever driver's they are.
 */
export type OrderClass =
  | "reservation"
  | "acquire"
  | "fence"
  | "unmapped"
  | `importer ${string}`
  | `exporter ${string}`
  | `framework ${string}`
  | `wait ${string}`;

/** Class of a lock: reservation locks are one, private locks go by their own class and the kind of role that has them. */
export function classOfLock(setup: Setup, { lockClass, by }: Pick<LockRequest, "lockClass" | "by">): OrderClass {
  if (lockClass === "reservation") return "reservation";
  const importer = setup.importers.find(({ name }) => name === by);
  if (importer !== undefined) return `importer ${importer.kind}.${lockClass}`;
  const exporter = setup.exporters.find(({ name }) => name === by);
  return exporter === undefined ? `framework ${lockClass}` : `exporter ${exporter.kind}.${lockClass}`;
}

/** Class of what a task sleeps for. */
export function classOfWait(setup: Setup, wait: WaitFor): OrderClass {
  switch (wait.kind) {
    case "lock":
      return classOfLock(setup, wait);
    case "fence":
    case "unmapped":
      return wait.kind;
    case "other":
      return wait.what === "any of several fences" ? "fence" : `wait ${wait.what}`;
  }
}

/** A class in words. */
export function printClass(name: OrderClass): string {
  switch (name) {
    case "reservation":
      return "a reservation lock";
    case "acquire":
      return "an acquire context";
    case "fence":
      return "a fence";
    case "unmapped":
      return "the unmap of an importer";
    default:
      return printPrivate(name);
  }
}

/** `importer dynamic.status`: whose it is, its kind, and the class of the lock; `wait frames`: what is waited for. */
function printPrivate(name: string): string {
  const at = name.indexOf(" ");
  const [party, rest] = [name.slice(0, at), name.slice(at + 1)];
  if (party === "wait") return `"${rest}"`;
  if (party === "framework") return `the framework's lock ${rest}`;
  const dot = rest.indexOf(".");
  return `the lock ${rest.slice(dot + 1)} of ${party} ${rest.slice(0, dot)}`;
}
