/** Writes the generated pages that differ and returns their names. */
export function stalePages(): Promise<string[]>
