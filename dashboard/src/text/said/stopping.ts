/** The Japanese of why tasks stopped, why ECS ended a deployment of its own, and of what is odd about
 * an Envoy. */

export const STOPPING: Record<string, string> = {
  "{reason}; last log lines of {container}: {lines}":
    "{reason}。{container} の最後のログ：「{lines}」",
  "Essential container in task exited: {container} with code {code}":
    "必須コンテナ {container} がコード {code} で終了",
  "Essential container in task exited": "必須コンテナが終了",
  "Scaling activity initiated by (deployment {deployment})":
    "タスク数の調整（デプロイ {deployment}）",
  "Task failed ELB health checks in (target-group {group})":
    "ターゲットグループ {group} のヘルスチェックに失敗",
  "Task failed container health checks: {what}": "コンテナのヘルスチェックに失敗：{what}",
  "Task failed container health checks": "コンテナのヘルスチェックに失敗",
  "Task failed health checks: {what}": "ヘルスチェックに失敗：{what}",
  "Task failed to start in time: {what}": "時間内に起動しなかった：{what}",
  "Task failed to start": "起動に失敗",
  "No caller can use the task for {seconds} s: {what}":
    "{seconds} 秒間、どの呼び出し元からも使えない：{what}",
  "no caller can use {service}'s tasks: {what}":
    "{service} のタスクはどの呼び出し元からも使えない：{what}",
  "it fails the health check of {callers}": "{callers} のヘルスチェックに失敗",
  "it is ejected after server errors by {callers}": "サーバーエラーにより {callers} が除外",
  "The service was deleted": "サービスが削除された",
  "Task stopped by user": "利用者が停止",
  "teal down": "`teal down` による停止",
  "container {container} is not healthy yet": "コンテナ {container} がまだ正常でない",
  "others wait for {containers}": "他のコンテナが {containers} を待っている",
  "container {container} waits for {other} to be {condition}, but {other_one} has exited with code {code}":
    "コンテナ {container} は {other} が {condition} になるのを待っているが、{other_one} はコード {code} で終了した",
  "CannotPullContainerError: {words}":
    "CannotPullContainerError（イメージを取得できない）：{words}",
  "CannotStartContainerError: {words}":
    "CannotStartContainerError（コンテナを起動できない）：{words}",
  "ResourceInitializationError: {words}":
    "ResourceInitializationError（リソースを準備できない）：{words}",
  "OutOfMemoryError: {words}": "OutOfMemoryError（メモリ不足）：{words}",
  "ECS deployment circuit breaker: tasks failed to start":
    "ECS のサーキットブレーカー：タスクが起動しなかった",
  "ECS deployment circuit breaker: tasks failed to start.":
    "ECS のサーキットブレーカー：タスクが起動しなかった",
  "ECS deployment {deployment} completed.": "ECS のデプロイ {deployment} が完了",
  "ECS deployment {deployment} in progress.": "ECS のデプロイ {deployment} が進行中",
  "the tasks failed to start": "タスクが起動しなかった",
  "has not answered for {seconds} s what it was sent": "送った内容に {seconds} 秒間応答がない",
  "has not connected yet": "まだ接続していない",
  "did not answer what it was sent for {seconds} s: its stream was closed":
    "送った内容に {seconds} 秒間応答がなく、ストリームを閉じた",
  "did not read what it was sent for {seconds} s: its connection was closed":
    "送った内容を {seconds} 秒間読まず、接続を閉じた",
  "{missing} does not exist: this Envoy {kept}": "{missing} が存在しない：この Envoy は{kept}",
  "keeps its last resources": "最後の設定を保持",
  waits: "待機中",
  "IAM does not know its role {role}: what it may is not asked":
    "ロール {role} は IAM にない：権限は確認されない",
  "refused: {why}": "拒否：{why}",
};
