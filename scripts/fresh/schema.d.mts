/** The text of src/stores/sqlite/schema.sql, as the migrations make it. */
export function generate(): string
