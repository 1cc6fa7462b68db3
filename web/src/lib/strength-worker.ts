// Judges how guessable a password is. In a worker: its dictionaries are megabytes, and typing must
// not wait for them. Nothing leaves it but the judgement.
import { ZxcvbnFactory } from '@zxcvbn-ts/core';
import { adjacencyGraphs, dictionary as common } from '@zxcvbn-ts/language-common';
import { dictionary as english, translations } from '@zxcvbn-ts/language-en';
import type { Strength, StrengthQuestion } from './strength.svelte.ts';

const judge = new ZxcvbnFactory({
	dictionary: { ...common, ...english },
	graphs: adjacencyGraphs,
	translations
});
/** Longer passwords are judged by their beginning: the search for patterns grows with the square. */
const judgedCharacters = 100;

addEventListener('message', (event: MessageEvent<StrengthQuestion>) => {
	const { question, password, others } = event.data;
	const found = judge.check(password.slice(0, judgedCharacters), [...others, 'tacet']);
	const strength: Strength = {
		question,
		score: found.score,
		advice: [found.feedback.warning ?? '', ...found.feedback.suggestions].filter(Boolean)
	};
	postMessage(strength);
});
