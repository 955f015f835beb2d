// What Python sends to the page, and what the scripts share. `tsc` checks every use of it (see jsconfig.json), and
// tests/ui/test_payloads.py that Python sends exactly these fields.

type Size = [height: number, width: number];
type Scores = {
  psnr: number[]; ssim: number[]; copy_last_psnr: number[]; copy_last_ssim: number[]; flow_psnr: number[]; flow_ssim: number[];
};

// -- payloads -----------------------------------------------------------------------------------------------------
interface RolloutPayload {
  key: string; clip: string; model: string; title: string; start: number; fps: number; seen: number; horizon: number;
  steps: number; size: Size; fine: boolean; truths: number; strips: Strips; scores: Scores; seconds: number;
  blocks: Record<string, [filters: number, height: number, width: number]>; clip_id: string | null; file: string; trained_on: boolean;
  made_for: number;
}
interface Strips { real: string; one_step: string | null; predicted: string; flow: string | null }
interface Activations {
  block: string; kernel: string; quantity: string; signed: boolean; steps: number; filters: number; size: Size;
  scale: number[]; sprite: string;
}
interface Life { rows: Record<string, LifeRow>; before: LifeRow; steps: number }
interface LifeRow { signed: boolean; scale: number; sprite: string }
interface Classification {
  classes: { name: string; course: number[] }[]; known: number; ranking: [string, number][]; unsure: boolean;
  familiar: boolean; frames: number; fps: number; looks: number[]; size: Size; pictures: string;
  heat: Record<string, string>; heat_size: Size; cues: Record<string, Record<string, number>>;
  order: Record<string, string[]>; streams: Record<string, number>; by_stream: Record<string, number[]>; filters: FilterEvidence[]; predictor: string;
  title: string; seconds: number; silence: string[]; truth: Truth | null;
}
interface FilterEvidence { block: string; kernel: string; filter: number; evidence: number }
interface Truth { label: string; place: number | null; score: number | null; trained_on: boolean }
interface ClipPage {
  clips: ListedClip[]; total: number; everything: number; labels: { name: string; count: number; known: boolean }[];
}
interface ListedClip { id: string; title: string; about: string; known: boolean; trained_on: boolean }

// What the experiments answer stands in experiments.js.

interface Crop { strip: string; count: number; now: number; size: Size; y: number | null; x: number | null }

// Functions of vp/ui/handlers.py that answer at once.
interface Served {
  list_clips: ClipPage & Failed; thumbnails: Record<string, string | null>; random_clip: { id: string; title: string } & Failed;
  activations: Activations & Failed; life: Life & Failed; at_once: any; crops: { crops: (Crop | null)[] };
  download: { url: string; name: string } & Failed; circle_path: { path: [number, number][] } & Failed;
}
type Failed = { error?: string };

// -- what the scripts share ---------------------------------------------------------------------------------------
interface Rollout extends RolloutPayload {
  real: HTMLCanvasElement[]; predicted: HTMLCanvasElement[];
  at(kind: string, t: number): HTMLCanvasElement | null; made(step: number): HTMLCanvasElement;
}
interface State {
  rollout: Rollout | null; cursor: number; playing: boolean; compare: Events["compare"] | null; entered: any; experiment: any;
}
interface Events {
  rollout: Rollout; cursor: number; playing: boolean; busy: string | false; theme: string; arrived: number;
  compare: { of: string; results: (RolloutPayload & Failed)[] }; enter: any; experiment: any;
}
interface Field { h: number; w: number; right: Float32Array; down: Float32Array; coloured?: HTMLCanvasElement }

type Closed<T> = { [K in keyof T]: T[K] };
type Lvln = Closed<ReturnType<typeof lvlnCore>> & Closed<ReturnType<typeof lvlnView>> & {
  flow: Closed<ReturnType<typeof lvlnFlow>>; picture: Closed<ReturnType<typeof lvlnPicture>>;
  views: Record<string, (root: HTMLElement) => void>;
  tour(): void; word(name: string, text?: string): string; share(root: HTMLElement): void; oneNumber(root: HTMLElement): any; oneFilter(root: HTMLElement): any;
  oneMoment(root: HTMLElement, number: any): any; link(values: object): string; address(): string | null; arrived: string;
  noteMemory(place: object): void; noteExperiments(values: { silence: string; run?: string; [argument: string]: any }): void;
};
// Names beside those of core.js: two modules may not give one name to two things.
type Beside = { [name: string]: unknown } & { [name in keyof ReturnType<typeof lvlnCore>]?: never };
declare var lvln: Lvln;
declare var LVLN_COLOURS: Record<"signed" | "signed_dark" | "unsigned", [number, number, number][]>;

// What a query finds depends on the markup of vp/ui/views.py, which nobody can check here.
interface ParentNode { querySelector(selectors: string): any; querySelectorAll(selectors: string): NodeListOf<any> }
