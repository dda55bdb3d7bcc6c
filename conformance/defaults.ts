// Beside what they are used by, so that a command that is only asked for its options need not load the suite.

/** What a check does that is told nothing else. */
export const checkDefaults = { profile: "K7.1", seed: 1, budget: 40_000 } as const;

/** The same of a proposal's run; `further`: executions that looking for a shorter program may take. */
export const proposalDefaults = { seed: 1, budget: 20_000, further: 400 } as const;

/** Operations of a slice; the last one of a campaign is shorter. */
export const usualSlice = 200_000;
