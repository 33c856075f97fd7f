/** The Japanese of why there is no session. */

export const REFUSING: Record<string, string> = {
  "the code is wrong, was used, or is older than a minute: run `teal open`":
    "コードが違うか、使用済みか、発行から 1 分を過ぎています。`teal open` を実行してください",
  "{why}: run `teal open`": "{why}。`teal open` を実行してください",
  "the header Authorization must be `Teal TOKEN`":
    "Authorization ヘッダーは `Teal TOKEN` の形でなければなりません",
  "this control plane has not made the token": "このコントロールプレーンのトークンではありません",
  "the session has ended": "セッションの期限が切れました",
  "the session was ended": "セッションは終了されました",
  "{actor} is no longer let in": "{actor} のアクセス権は取り消されました",
  "at most {n} tries a second": "試行は 1 秒に {n} 回までです",
};
