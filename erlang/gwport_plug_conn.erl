%% Plug.Conn's functions, and what is known of the servers behind them, which differ where Plug says
%% nothing: how long a read waits, and how a response is seen to be broken off.
%%
%% They are called by name when a request comes: gwport is built without Elixir, and wants none
%% where nobody mounts gwport_plug. What a client is sent goes through these functions alone, so
%% that what plugs have registered for that moment is done. The adapter behind a conn is looked at
%% where Plug has no function for what is needed: its name tells servers apart, Cowboy's request,
%% under plug_cowboy, whether there is a body, and break/2 has to know either.
%% @hidden
-module(gwport_plug_conn).

-export([protocol/1, peer/1, local/1, is_encrypted/1, body/1, reads/1]).
-export([read_body/2, keep_body/2, kept_body/1]).
-export([is_status/1, inform/3, send_whole/4, send_head/3, send/2, break/2, halted/1]).

-export_type([conn/0]).

%% Elixir's %Plug.Conn{}, and what it says of a body.
-type conn() :: #{'__struct__' := 'Elixir.Plug.Conn', _ => _}.
-type body() :: none | unknown | unsure.

-define(COWBOY, 'Elixir.Plug.Cowboy.Conn').
-define(BANDIT, 'Elixir.Bandit.Adapter').
%% RFC 9113, 7.
-define(INTERNAL_ERROR, 2).
%% Of conn.private.
-define(KEPT, gwport_body).
%% How long a connection that was told to close may take to end this process.
-define(BREAK_GRACE, 5000).

plug(Function, Arguments) ->
    plug('Elixir.Plug.Conn', Function, Arguments).

plug(Module, Function, Arguments) ->
    apply(Module, Function, Arguments).

%% The request

-spec protocol(conn()) -> {1, 0} | {1, 1} | {2, 0}.
protocol(Conn) ->
    case plug(get_http_protocol, [Conn]) of
        'HTTP/1.0' -> {1, 0};
        Two when Two =:= 'HTTP/2'; Two =:= 'HTTP/2.0' -> {2, 0};
        _ -> {1, 1}
    end.

%% The other end of the connection, and its certificate.
-spec peer(conn()) -> {term(), inet:port_number(), Cert :: binary() | none}.
peer(Conn) ->
    case plug(get_peer_data, [Conn]) of
        Peer = #{address := Address, port := Port} when is_integer(Port) ->
            {Address, Port, cert(maps:get(ssl_cert, Peer, none))};
        Peer = #{address := Address} ->
            {Address, 0, cert(maps:get(ssl_cert, Peer, none))}
    end.

cert(Cert) when is_binary(Cert) -> Cert;
cert(_) -> none.

%% This end of it, as far as the adapter tells.
-spec local(conn()) -> {term(), inet:port_number()}.
local(Conn) ->
    case asked(get_sock_data, Conn) of
        {ok, #{address := Address, port := Port}} when is_integer(Port) -> {Address, Port};
        _ -> {none, 0}
    end.

%% Where the adapter does not tell, the scheme does.
-spec is_encrypted(conn()) -> boolean().
is_encrypted(Conn = #{scheme := Scheme}) ->
    case asked(get_ssl_data, Conn) of
        {ok, Data} -> Data =/= nil;
        error -> Scheme =:= https
    end.

%% These came with Plug 1.16, and not every adapter has them.
asked(Function, Conn) ->
    try {ok, plug(Function, [Conn])}
    catch error:_ -> error
    end.

%% Whether there is a body, of a request that does not say how long it is.
-spec body(conn()) -> body().
body(#{adapter := {?COWBOY, #{has_body := HasBody}}}) ->
    case HasBody of true -> unknown; false -> none end;
body(Conn = #{req_headers := Headers}) ->
    case {lists:keymember(<<"transfer-encoding">>, 1, Headers), protocol(Conn)} of
        {true, _} -> unknown;
        {false, {2, 0}} -> unsure;
        {false, _} -> none
    end.

%% How read_body/2 is to be asked: of `ready` it returns what is there, as soon as there is
%% something; `poll`: the same, or nothing when its time is up; `exact`: it waits for as many bytes
%% as it was asked for, and when its time is up the request is lost.
-spec reads(conn()) -> ready | poll | exact.
reads(#{adapter := {?COWBOY, _}}) ->
    ready;
reads(Conn) ->
    case protocol(Conn) of
        {2, 0} -> poll;
        _ -> exact
    end.

-spec read_body([{atom(), non_neg_integer()}], conn()) -> {ok | more, binary(), conn()}.
read_body(Options, Conn) ->
    case plug(read_body, [Conn, Options]) of
        {error, Reason} -> error({read_body, Reason});
        Read -> Read
    end.

%% What somebody in front has read of the body stays with the conn.
-spec keep_body({ok | more, binary()}, conn()) -> conn().
keep_body({More, Data}, Conn) ->
    {_, Before} = kept(Conn),
    plug(put_private, [Conn, ?KEPT, {More, [Before, Data]}]).

-spec kept_body(conn()) -> none | {ok | more, binary()}.
kept_body(Conn) ->
    case kept(Conn) of
        {none, _} -> none;
        {More, Data} -> {More, iolist_to_binary(Data)}
    end.

kept(#{private := #{?KEPT := Kept}}) -> Kept;
kept(_) -> {none, []}.

%% The response

%% Servers want a phrase from Plug for every status. (Those of an application's own are named in
%% `config :plug, :statuses'.)
-spec is_status(100..999) -> boolean().
is_status(Code) ->
    try plug('Elixir.Plug.Conn.Status', reason_phrase, [Code]) of
        _ -> true
    catch
        error:_ -> false
    end.

-spec inform(100..199, [{binary(), binary()}], conn()) -> conn().
inform(Code, Headers, Conn) ->
    plug(inform, [Conn, Code, Headers]).

-spec send_whole(200..999, [{binary(), binary()}], iodata(), conn()) -> conn().
send_whole(Code, Headers, Body, Conn) ->
    plug(send_resp, [with_headers(Headers, Conn), Code, Body]).

-spec send_head(200..999, [{binary(), binary()}], conn()) -> conn().
send_head(Code, Headers, Conn) ->
    plug(send_chunked, [with_headers(Headers, Conn), Code]).

%% Those that plugs in front have set stay, unless there is one of the name.
with_headers(Headers, Conn = #{resp_headers := Before}) ->
    Names = maps:from_list([{Name, true} || {Name, _} <- Headers, Name =/= <<"set-cookie">>]),
    Conn#{resp_headers := [Header || Header = {Name, _} <- Before, not is_map_key(Name, Names)]
        ++ Headers}.

%% It returns when the server has taken the bytes.
-spec send(iodata(), conn()) -> {ok, conn()} | {error, term()}.
send(Data, Conn) ->
    plug(chunk, [Conn, Data]).

%% For the client to see that the response is not whole. Where an error does not do that, the server
%% has a way of its own: Cowboy ends a body in chunks as if it were whole when the request's process
%% fails, so its connection is cut; Bandit resets a stream of HTTP/2 for its own errors alone.
-spec break(Why :: term(), conn()) -> no_return().
break(Why, Conn = #{adapter := {Adapter, Payload}}) ->
    case {Adapter, protocol(Conn)} of
        {?COWBOY, {1, _}} -> cut(Payload);
        {?BANDIT, {2, 0}} -> error(stream_error(Why));
        _ -> error({gwport_plug, Why})
    end.

-spec cut(cowboy_req:req()) -> no_return().
cut(Req = #{pid := Connection}) ->
    cowboy_req:cast({set_options, #{idle_timeout => 0}}, Req),
    receive after ?BREAK_GRACE ->
        %% It is stuck in a send and hears nothing else.
        exit(Connection, kill),
        exit(shutdown)
    end.

stream_error(Why) ->
    #{'__struct__' => 'Elixir.Bandit.HTTP2.Errors.StreamError', '__exception__' => true,
        message => iolist_to_binary(io_lib:format("gwport_plug: ~0p", [Why])),
        error_code => ?INTERNAL_ERROR, stream_id => nil}.

%% Plugs that would be next are not for this request.
-spec halted(conn()) -> conn().
halted(Conn) ->
    plug(halt, [Conn]).
