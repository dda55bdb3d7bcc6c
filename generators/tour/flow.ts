/** No arc lets more through than this. */
export const unlimited = 2 ** 30;

/**
 * A flow of least cost from one node to another, as much as gets through. Costs are whole numbers from 0.
 * Primal-dual: each phase pushes a blocking flow over the arcs of shortest ways, so there are no more phases than
 * different lengths.
 */
export class Flow {
  private readonly nodes: number;
  private readonly targets: number[] = [];
  private readonly left: number[] = [];
  private readonly costs: number[] = [];
  /** First arc of each node, and the one after each arc. An arc's back arc is its number with the last bit turned. */
  private readonly first: Int32Array;
  private readonly following: number[] = [];
  private readonly potential: Int32Array;
  private readonly level: Int32Array;
  private readonly current: Int32Array;

  constructor(nodes: number) {
    this.nodes = nodes;
    this.first = new Int32Array(nodes).fill(-1);
    this.potential = new Int32Array(nodes);
    this.level = new Int32Array(nodes);
    this.current = new Int32Array(nodes);
  }

  /** Adds an arc and answers its number, for `through`. */
  arc(from: number, to: number, capacity: number, cost: number): number {
    const number = this.targets.length;
    this.add(from, to, capacity, cost);
    this.add(to, from, 0, -cost);
    return number;
  }

  /** Flow over an arc. */
  through(arc: number): number {
    return this.left[arc ^ 1]!;
  }

  /** Sends as much as there is room for. */
  send(source: number, sink: number): void {
    while (this.measure(source, sink))
      while (this.layer(source, sink)) {
        this.current.set(this.first);
        while (this.push(source, sink, unlimited) > 0);
      }
  }

  private add(from: number, to: number, capacity: number, cost: number): void {
    this.following.push(this.first[from]!);
    this.first[from] = this.targets.length;
    this.targets.push(to);
    this.left.push(capacity);
    this.costs.push(cost);
  }

  /** Brings the potentials up to the lengths of shortest ways; by buckets, as costs are small. False: the sink is cut off. */
  private measure(source: number, sink: number): boolean {
    const { potential, targets, left, costs, first, following } = this;
    const length = new Int32Array(this.nodes).fill(unlimited);
    const buckets: number[][] = [[source]];
    length[source] = 0;
    for (let at = 0; at < buckets.length; at += 1)
      // Grows while it is gone through: an arc may cost nothing.
      for (const node of buckets[at] ?? []) {
        if (length[node] !== at) continue;
        for (let arc = first[node]!; arc >= 0; arc = following[arc]!) {
          if (left[arc] === 0) continue;
          const to = targets[arc]!;
          const reached = at + costs[arc]! + potential[node]! - potential[to]!;
          if (reached >= length[to]!) continue;
          length[to] = reached;
          (buckets[reached] ??= []).push(to);
        }
      }
    if (length[sink] === unlimited) return false;
    const most = length[sink]!;
    for (let node = 0; node < this.nodes; node += 1) potential[node]! += Math.min(length[node]!, most);
    return true;
  }

  private isTight(node: number, arc: number): boolean {
    return this.left[arc]! > 0 && this.costs[arc]! + this.potential[node]! === this.potential[this.targets[arc]!]!;
  }

  private layer(source: number, sink: number): boolean {
    const { level, first, following, targets } = this;
    level.fill(-1);
    level[source] = 0;
    const queue = [source];
    for (const node of queue)
      for (let arc = first[node]!; arc >= 0; arc = following[arc]!) {
        const to = targets[arc]!;
        if (level[to]! >= 0 || !this.isTight(node, arc)) continue;
        level[to] = level[node]! + 1;
        queue.push(to);
      }
    return level[sink]! >= 0;
  }

  private push(node: number, sink: number, most: number): number {
    if (node === sink) return most;
    const { current, following, targets, left, level } = this;
    for (; current[node]! >= 0; current[node] = following[current[node]!]!) {
      const arc = current[node]!;
      const to = targets[arc]!;
      if (level[to] !== level[node]! + 1 || !this.isTight(node, arc)) continue;
      const sent = this.push(to, sink, Math.min(most, left[arc]!));
      if (sent === 0) continue;
      left[arc]! -= sent;
      left[arc ^ 1]! += sent;
      return sent;
    }
    return 0;
  }
}
