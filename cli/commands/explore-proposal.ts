import { exploreScope, type ScopeReport } from "../../conformance/explore/explore-scope.ts";
import { isScopeClean, tourOwnScopes, type OwnScopeReport } from "../../conformance/proposal/own-scopes.ts";
import { judgedRules } from "../../conformance/proposal/search.ts";
import { BadInput } from "../../spec/bad-input.ts";
import { profileNamed } from "../../spec/profile-name.ts";
import { print, worse, type ExitCode } from "../output.ts";
import { findProposals } from "../find-proposals.ts";
import { describeTour } from "../own-scopes.ts";
import { cpuSeconds, describeScope, graphWriter, scopeNamed, type ExploreCommandOptions } from "./explore.ts";

/** `explore --proposal PROPOSAL [SCOPE]`: the scopes of a proposal, with every transition carried out on its implementation. */
export async function exploreProposalCommand(
  name: string | undefined,
  word: string,
  { format, graph: file }: ExploreCommandOptions,
): Promise<ExitCode> {
  const reports: (ScopeReport & { readonly toured: OwnScopeReport })[] = [];
  let code: ExitCode = 0;
  for (const { contract, faults = [], name: proposal } of await findProposals(word)) {
    const known = contract.extension?.scopes ?? [];
    if (known.length === 0) throw new BadInput("name", proposal, "this proposal has no scopes of its own");
    const write = file === undefined ? null : graphWriter(file, name, known);
    const chosen = name === undefined ? known : [scopeNamed(name, known)];
    const system = contract.roles(faults);
    for (const scope of chosen) {
      const rules = judgedRules(contract, profileNamed(scope.profile));
      const { graph, report } = exploreScope(scope, cpuSeconds, { system, rules });
      write?.(graph);
      const [toured] = await tourOwnScopes(contract, system, [scope]);
      if (toured === undefined) continue;
      reports.push({ ...report, toured });
      if (report.differences.length > 0) code = worse(code, 3);
      if (!isScopeClean(toured)) code = worse(code, 1);
      if (format === "text")
        print([...describeScope(report, proposal).slice(0, -1), ...describeTour(toured), ""].join("\n"));
    }
  }
  if (format === "json") print(JSON.stringify(reports, null, 2));
  return code;
}
