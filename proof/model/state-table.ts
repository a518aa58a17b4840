/** Every state that was met, as bytes in one place, found again by its bytes. */
export class StateTable {
  readonly #bytes: number
  #arena: Uint8Array
  /** One more than the number of the state; 0 is a free place. */
  #places: Int32Array
  #size = 0

  constructor(bytes: number) {
    this.#bytes = bytes
    this.#arena = new Uint8Array(bytes * 1024)
    this.#places = new Int32Array(4096)
  }

  get size(): number {
    return this.#size
  }

  /** The bytes of all states, one after another. */
  get arena(): Uint8Array {
    return this.#arena
  }

  /** Where the bytes of a state begin in the arena. */
  at(index: number): number {
    return index * this.#bytes
  }

  /** The number of the state with these bytes. It is the size that the table had before when the state was not known. */
  indexOf(key: Uint8Array): number {
    let place = this.#hash(key, 0) & (this.#places.length - 1)
    for (let found = this.#places[place]!; found !== 0; found = this.#places[place]!) {
      if (this.#isSame(found - 1, key)) return found - 1
      place = (place + 1) & (this.#places.length - 1)
    }
    const index = this.#size++
    if (this.#size * this.#bytes > this.#arena.length) this.#growArena()
    this.#arena.set(key, this.at(index))
    this.#places[place] = index + 1
    if (this.#size * 2 > this.#places.length) this.#growPlaces()
    return index
  }

  #isSame(index: number, key: Uint8Array): boolean {
    const from = this.at(index)
    for (let i = 0; i < this.#bytes; i++) if (this.#arena[from + i] !== key[i]) return false
    return true
  }

  #hash(bytes: Uint8Array, from: number): number {
    let hash = 0x811c9dc5
    for (let i = from; i < from + this.#bytes; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
    return (hash ^ (hash >>> 15)) >>> 0
  }

  #growArena(): void {
    const larger = new Uint8Array(this.#arena.length * 2)
    larger.set(this.#arena)
    this.#arena = larger
  }

  #growPlaces(): void {
    this.#places = new Int32Array(this.#places.length * 4)
    for (let index = 0; index < this.#size; index++) {
      let place = this.#hash(this.#arena, this.at(index)) & (this.#places.length - 1)
      while (this.#places[place] !== 0) place = (place + 1) & (this.#places.length - 1)
      this.#places[place] = index + 1
    }
  }
}
