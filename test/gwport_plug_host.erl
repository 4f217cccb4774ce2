%% A Cowboy handler that is to gwport_plug what a server with plugs is: it makes a conn of a request, calls one plug
%% after the other until one halts, and ends the response. The conn's functions are those of Elixir.Plug.Conn beside it:
%% gwport needs no Elixir, and neither do its tests. Which server it behaves like is `server` among its options:
%% `cowboy` (plug_cowboy: the process ends with the client, a read returns what is there) or `bandit` (it traps exits,
%% hears of a client's end from chunk/2 alone, and a read waits for what it was asked for).
-module(gwport_plug_host).
-behaviour(cowboy_handler).

-export([init/2]).

init(Req0, Options = #{plugs := Plugs, server := Server}) ->
    _ = process_flag(trap_exit, Server =:= bandit),
    try plugs(Plugs, conn(Req0, Server)) of
        #{adapter := {_, Req}, state := State} ->
            _ = [end_of(Req) || State =:= chunked, maps:get(method, Req0) =/= <<"HEAD">>],
            {ok, Req, Options}
    catch
        Class:Reason:Stack when Server =:= bandit ->
            is_pid(maps:get(told, Options, none)) andalso (maps:get(told, Options) ! {raised, Reason}),
            broken(Class, Reason, Stack, Req0)
    end.

%% What Plug does not do the server does.
end_of(Req = #{version := 'HTTP/2'}) -> cowboy_req:cast({data, self(), fin, <<>>}, Req);
end_of(_) -> ok.

%% Bandit closes the connection, or resets the stream.
broken(_, _, _, Req = #{version := 'HTTP/1.1'}) ->
    _ = process_flag(trap_exit, false),
    cowboy_req:cast({set_options, #{idle_timeout => 0}}, Req),
    receive after infinity -> ok end;
broken(_, _, _, _) ->
    exit({shutdown, broken}).

plugs([], Conn) -> Conn;
plugs(_, Conn = #{halted := true}) -> Conn;
plugs([Plug | Plugs], Conn) when is_function(Plug) -> plugs(Plugs, Plug(Conn));
plugs([{Module, Options} | Plugs], Conn) -> plugs(Plugs, Module:call(Conn, Options)).

conn(Req, Server) ->
    #{method := Method, path := Path, qs := Query, headers := Headers, host := Host, port := Port,
        peer := {Remote, _}} = Req,
    #{'__struct__' => 'Elixir.Plug.Conn',
        adapter => {adapter(Server), Req}, owner => self(),
        method => Method, request_path => Path, query_string => Query, host => Host, port => Port,
        scheme => binary_to_atom(cowboy_req:scheme(Req)), remote_ip => Remote,
        path_info => [Segment || Segment <- binary:split(Path, <<"/">>, [global]), Segment =/= <<>>],
        script_name => [], req_headers => with_framing(Server, Req, maps:to_list(Headers)),
        body_params => #{'__struct__' => 'Elixir.Plug.Conn.Unfetched', aspect => body_params},
        resp_headers => [{<<"cache-control">>, <<"max-age=0, private, must-revalidate">>}],
        resp_cookies => #{}, private => #{}, before_send => [], status => nil, state => unset, halted => false}.

adapter(cowboy) -> 'Elixir.Plug.Cowboy.Conn';
adapter(bandit) -> 'Elixir.Bandit.Adapter'.

%% Cowboy takes it away.
with_framing(bandit, #{version := 'HTTP/1.1', has_body := true, body_length := undefined}, Headers) ->
    [{<<"transfer-encoding">>, <<"chunked">>} | Headers];
with_framing(_, _, Headers) ->
    Headers.
