/** The Japanese of what hooks and queries of metrics answered. */

export const ASKING: Record<string, string> = {
  "answered with HTTP {status}": "応答は HTTP {status}",
  "answered with HTTP {status} without a hookStatus of SUCCEEDED, FAILED or IN_PROGRESS":
    "応答は HTTP {status} で、SUCCEEDED、FAILED、IN_PROGRESS のいずれの hookStatus もない",
  "accepted, and not finished": "受け付けられたが、終わっていない",
  "says {hook_status}": "応答は {hook_status}",
  "exited with {code}": "終了コード {code} で終了",
  "was ended by signal {number}": "シグナル {number} で終了",
  "gave no answer within its timeout of {seconds} s": "{seconds} 秒の制限時間内に応答なし",
  "gave no verdict, asked once": "1 回の問い合わせで判定なし",
  "gave no verdict, asked {tries} times": "{tries} 回の問い合わせで判定なし",
  "could not be asked: {error}": "問い合わせできない：「{error}」",
  "is asked after {waits_for}": "{waits_for}の後で問い合わせる",
  "is being asked": "問い合わせ中",
  "{told} (asked {tries} times)": "{told}（問い合わせ {tries} 回）",
  "callers that reach it": "呼び出し元からの到達",
  "the copies of requests": "リクエストの複製",
  "the end of the step's time": "ステップの時間の終わり",
  "the end of the bake time": "ベイク時間の終わり",
  "the end of {freeze}": "{freeze}の終わり",
  "a freeze without an end": "終わりのない凍結期間",
  "a freeze until {time}": "{time} までの凍結期間",
  "the query failed: {error}": "クエリが失敗した：{error}",
  "the query had no answer within its timeout of {seconds} s":
    "クエリは {seconds} 秒の制限時間内に応答なし",
  "the query was answered with HTTP {status}, and not with JSON":
    "クエリの応答は HTTP {status} で、JSON ではない",
  "the query was answered with HTTP {status}, and not by Prometheus":
    "クエリの応答は HTTP {status} で、Prometheus のものではない",
  "the query was answered with a {kind} that cannot be read":
    "クエリの応答の {kind} を読み取れない",
  "the query has a {kind}: it must give a scalar or an instant vector":
    "クエリの結果が {kind}：スカラーまたは instant vector でなければならない",
  "the query has only NaN": "クエリの結果は NaN だけ",
  "the query has no value": "クエリの結果に値がない",
  "{told} (warning: {words})": "{told}（警告：「{words}」）",
  "{shown}, as it must be ({passes})": "{shown}、条件 {passes} を満たす",
  "{shown}, must be {passes}": "{shown}、条件は {passes}",
  "{shown} and {more} more": "{shown} ほか {more} 件",
  "{detail}, which passes": "{detail}、合格とする",
  "{detail}, {times} times in a row": "{detail}、{times} 回連続",
  "{detail}, {failed} of the {failures} times that fail the version":
    "{detail}、不合格となる {failures} 回のうち {failed} 回",
  "the service could not be looked at: {error}": "サービスの状態を確認できない：{error}",
  "{effect} failed: {error}": "{effect} が失敗した：「{error}」",
  "{tasks} of {side}: {why}": "{side} の{tasks}：{why}",
};
