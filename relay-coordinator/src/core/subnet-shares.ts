/**
 * How much of a job comes from each subnet, so that whoever has many machines in one place does not decide it. Counted are executions that
 * are held, wait for others, or were accepted. In memory only: after a restart it begins with what is in flight, so the cap then holds for
 * what is given from there on.
 */
export class SubnetShares {
  readonly #counts = new Map<string, number>()
  #total = 0

  get total(): number {
    return this.#total
  }

  /** Subnets with a part in it. */
  get size(): number {
    return this.#counts.size
  }

  of(subnet: string): number {
    return this.#counts.get(subnet) ?? 0
  }

  /** What was accepted before a restart is not known here, so it cannot be taken back. */
  count(subnet: string, change: number): void {
    const before = this.of(subnet)
    const after = Math.max(0, before + change)
    if (after === 0) this.#counts.delete(subnet)
    else this.#counts.set(subnet, after)
    this.#total += after - before
  }
}
