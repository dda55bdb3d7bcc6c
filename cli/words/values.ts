import { InvalidArgumentError } from "commander";
import { profileNamed } from "../../spec/profile-name.ts";

function wholeFrom(least: number, text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(value) && value >= least) return value;
  throw new InvalidArgumentError(`give a whole number from ${least} on.`);
}

/** A whole number from 0 on. Throws InvalidArgumentError for anything else, as all of these do. */
export function wholeNumber(text: string): number {
  return wholeFrom(0, text);
}

/** A whole number from 1 on. */
export function positiveWhole(text: string): number {
  return wholeFrom(1, text);
}

/** A number above 0. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError("give a number above 0.");
  return value;
}

/** The name of a profile, for example `K6.12+moveNotify`. */
export function profile(text: string): string {
  try {
    profileNamed(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
  return text;
}
