import { readdirSync } from "node:fs";
import { bystanders } from "./bystanders.ts";
import type { Mutant } from "./mutant.ts";

/** Every mutant of every area, in a stable order. Areas are folders beside this file, each file exports `mutants`. */
export async function allMutants(): Promise<readonly Mutant[]> {
  const here = new URL("./", import.meta.url);
  const built = import.meta.url.endsWith(".js");
  const found: Mutant[] = [];
  for (const area of readdirSync(here, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (!area.isDirectory()) continue;
    const folder = new URL(`${area.name}/`, here);
    for (const file of readdirSync(folder).toSorted()) {
      if (!file.endsWith(built ? ".js" : ".ts") || file.endsWith(".d.ts")) continue;
      const module = (await import(new URL(file, folder).href)) as { readonly mutants?: readonly Mutant[] };
      for (const mutant of module.mutants ?? [])
        found.push({ ...mutant, also: [...mutant.also, ...(bystanders[mutant.name] ?? [])] });
    }
  }
  return found;
}
