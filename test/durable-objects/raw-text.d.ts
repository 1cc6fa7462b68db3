// Vite gives a file's text for an import that ends so.
declare module '*?raw' {
	const text: string;
	export default text;
}
