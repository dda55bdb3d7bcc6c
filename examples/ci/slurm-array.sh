#!/bin/bash
#SBATCH --job-name=dmabuf-conformance
#SBATCH --array=1-8
#SBATCH --cpus-per-task=2
#SBATCH --time=04:00:00
#SBATCH --requeue
# A campaign in eight array tasks. A task that is requeued goes on where it was.
# Afterwards: npx dmabuf-conformance merge out/*.shard-*-of-8.json --output merged
npx dmabuf-conformance run my-exporter.mjs --operations 16000000 \
  --shard auto --workers 2 --output out --resume
# 1 says that a rule is broken: a result, for merge to tell, and no failure of the task.
code=$?
[ "$code" -eq 1 ] && exit 0
exit "$code"
