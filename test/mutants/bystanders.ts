/**
 * Rules that hunts were seen to find broken beside the bound one, by mutant: one fault often breaks several promises.
 * Added to the `also` list that stands with the mutant itself.
 */
export const bystanders: Readonly<Record<string, readonly string[]>> = {};
