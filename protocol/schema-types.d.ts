// Names that the schema library's own types mention. Empty: nothing here can be used or made.
interface Blob {
	readonly [schemaTypesOnly: symbol]: never;
}
interface File {
	readonly [schemaTypesOnly: symbol]: never;
}
