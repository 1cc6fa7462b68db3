// What a note is called in a list.

/** The last two folders that an imported note came from: many notes are called README. */
export const folderOf = ({ path }: { readonly path: string | null }): string =>
	path?.split('/').slice(-2).join('/') ?? '';

export const titleOf = ({ title }: { readonly title: string }): string => title || 'Untitled';
