/** Something went wrong on our side or the adapter's: never a verdict about the contract. The message is for people. */
export class HarnessFault extends Error {
  override readonly name = "HarnessFault";
}
