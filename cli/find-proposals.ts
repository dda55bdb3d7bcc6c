import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { isProposal, type Proposal } from "../conformance/proposal/proposal.ts";
import { proposals } from "../proposals/index.ts";
import { BadInput } from "../spec/bad-input.ts";
import { didYouMean } from "../spec/closest.ts";

/** The proposals of a name or of a file. Throws BadInput where there are none. */
export async function findProposals(word: string): Promise<readonly Proposal[]> {
  const known = proposals.find(({ name }) => name === word);
  if (known !== undefined) return [known];
  if (!/[./\\]/.test(word)) {
    const names = proposals.map(({ name }) => name);
    const hint = didYouMean(word, names, `known: ${names.join(", ")}`);
    throw new BadInput("name", word, `there is no such proposal, and it is no path of a file${hint}`);
  }
  let module: { readonly default?: unknown };
  try {
    module = (await import(pathToFileURL(resolve(word)).href)) as { readonly default?: unknown };
  } catch (error) {
    if (error instanceof BadInput) throw error;
    const why = error instanceof Error ? error.message.split("\n")[0]! : String(error);
    const how = word.endsWith(".ts")
      ? "; compile it first, or use a Node.js that runs TypeScript (22.18 or newer)"
      : "";
    throw new BadInput("file", word, `cannot be loaded: ${why}${how}`);
  }
  const found: readonly unknown[] = Array.isArray(module.default) ? module.default : [module.default];
  if (found.length > 0 && found.every(isProposal)) return found;
  throw new BadInput(
    "file",
    word,
    "the default export is no proposal: an object with name, about, contract, thread and expectations; see docs/write-a-proposal.md",
  );
}
