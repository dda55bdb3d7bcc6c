/** The kernel cannot be tested here: something of the machine is missing. One line for people: what, and what to do. Not a verdict. */
export class Skipped extends Error {
  override readonly name = "Skipped";
}

/** The kernel or the module does not compile: a defect of ours or of the source, never a reason to skip. */
export class BuildFailed extends Error {
  override readonly name = "BuildFailed";
}
