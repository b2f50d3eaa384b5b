/** How long jambonz takes, as measured on a running stack. All in ms. Tests shorten some to wait less. */
export interface Timings {
  /** An unanswered `session:new`, `session:reconnect`, `session:redirect` or `verb:hook` is given up. */
  readonly ackMs: number;
  /** First wait before the dropped application socket is opened again; doubles up to 2 s, then grows by 2 s. */
  readonly reconnectMs: number;
  readonly handshakeMs: number;
  /** From the decision to call until the INVITE (and `trying`) of a dialled leg. */
  readonly inviteMs: number;
  /** From `config {listen:{enable:true}}` to the opening of the listen socket. */
  readonly listenOpenMs: number;
  /** From `config {listen:{enable:false}}` to the close with 1000. */
  readonly listenCloseMs: number;
  /** From the verb to the `start` event of a conference, and from there to the first `join`. */
  readonly conferenceStartMs: number;
  readonly conferenceFirstJoinMs: number;
  /** From the verb to the `join` of a member who finds the conference running. */
  readonly conferenceJoinMs: number;
  readonly conferenceLeaveMs: number;
  /** From a leave with `endConferenceOnExit` to the eviction of the others. */
  readonly conferenceEvictMs: number;
  /** A bridge without `anchorMedia` hands the media to the SBC. */
  readonly releaseMediaMs: number;
  /** `media:path full-media` brings it back. */
  readonly anchorMediaMs: number;
  readonly recorderMs: number;
  /** From the end of a call to the close of its socket: with media allocated, and without. */
  readonly clearMediaMs: number;
  readonly clearMs: number;
}

export const measuredTimings: Timings = {
  ackMs: 5000,
  reconnectMs: 500,
  handshakeMs: 1500,
  inviteMs: 20,
  listenOpenMs: 46,
  listenCloseMs: 45,
  conferenceStartMs: 46,
  conferenceFirstJoinMs: 106,
  conferenceJoinMs: 130,
  conferenceLeaveMs: 43,
  conferenceEvictMs: 222,
  releaseMediaMs: 200,
  anchorMediaMs: 57,
  recorderMs: 44,
  clearMediaMs: 55,
  clearMs: 2,
};
