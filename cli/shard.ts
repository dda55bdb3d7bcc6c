import type { Shard } from "../conformance/campaign/part.ts";
import { BadInput } from "../spec/bad-input.ts";

type Variables = Readonly<Record<string, string | undefined>>;

/** A machine room's way to tell a job which of how many it is. */
interface Source {
  readonly name: string;
  /** Null where the variables are not set. `count`: what the command line says, where the room does not. */
  read(variables: Variables, count: number | null): Shard | null;
}

function whole(variables: Variables, name: string): number | null {
  const text = variables[name];
  if (text === undefined || text === "") return null;
  const value = Number(text);
  if (!Number.isSafeInteger(value))
    throw new BadInput("flag", name, `is ${JSON.stringify(text)}; it has to be a whole number`);
  return value;
}

const sources: readonly Source[] = [
  {
    name: "JOB_COMPLETION_INDEX",
    read(variables, count) {
      const index = whole(variables, "JOB_COMPLETION_INDEX");
      if (index === null) return null;
      if (count === null)
        throw new BadInput(
          "flag",
          "--shard auto",
          "JOB_COMPLETION_INDEX says which job this is and not of how many; write --shard auto/8 with the job's completions",
        );
      return { index: index + 1, count };
    },
  },
  {
    name: "SLURM_ARRAY_TASK_ID",
    read(variables) {
      const id = whole(variables, "SLURM_ARRAY_TASK_ID");
      const count = whole(variables, "SLURM_ARRAY_TASK_COUNT");
      if (id === null || count === null) return null;
      const least = whole(variables, "SLURM_ARRAY_TASK_MIN") ?? 0;
      const step = whole(variables, "SLURM_ARRAY_TASK_STEP") ?? 1;
      return { index: (id - least) / step + 1, count };
    },
  },
  {
    name: "CI_NODE_INDEX",
    read(variables) {
      const index = whole(variables, "CI_NODE_INDEX");
      const count = whole(variables, "CI_NODE_TOTAL");
      return index === null || count === null ? null : { index, count };
    },
  },
];

function checked({ index, count }: Shard, from: string): Shard {
  if (Number.isInteger(index) && index >= 1 && index <= count) return { index, count };
  throw new BadInput("flag", from, `makes this shard ${index} of ${count}; there are 1 to ${count}`);
}

/**
 * Which shard `--shard` names: `2/4`; `auto`, from the variables of a Slurm array or a CI matrix; `auto/4`, of a Kubernetes
 * Indexed Job too. Throws BadInput for any other text, and where the variables say nothing, nonsense or two things.
 */
export function readShard(text: string, variables: Variables): Shard {
  const [, word, total] = /^(\d+|auto)(?:\/(\d+))?$/.exec(text) ?? [];
  if (word === undefined || (word !== "auto" && total === undefined))
    throw new BadInput("flag", "--shard", `is ${JSON.stringify(text)}; write 2/4, auto or auto/4`);
  const count = total === undefined ? null : Number(total);
  if (word !== "auto") return checked({ index: Number(word), count: count! }, `--shard ${text}`);
  const found = sources.flatMap((source) => {
    const shard = source.read(variables, count);
    return shard === null ? [] : [{ name: source.name, shard }];
  });
  const [first, second] = found;
  if (first === undefined)
    throw new BadInput(
      "flag",
      "--shard auto",
      `none of ${sources.map(({ name }) => name).join(", ")} (with its count) is set; write --shard 2/4`,
    );
  if (second !== undefined)
    throw new BadInput("flag", "--shard auto", `both ${first.name} and ${second.name} are set; write --shard 2/4`);
  if (count !== null && first.shard.count !== count)
    throw new BadInput("flag", `--shard ${text}`, `${first.name} says that there are ${first.shard.count}`);
  return checked(first.shard, first.name);
}
