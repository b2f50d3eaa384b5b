/** What somebody follows until they close it. */
export interface CaptureSubscription {
  close(): void;
}
