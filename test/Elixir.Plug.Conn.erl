%% The functions of Plug.Conn that gwport_plug and its tests call, over requests of a real Cowboy,
%% as Plug 1.20 has them and the adapters plug_cowboy 2.7 and Bandit 1.12 behave: see
%% gwport_plug_host.
-module('Elixir.Plug.Conn').

-export([get_http_protocol/1, get_peer_data/1, get_sock_data/1, get_ssl_data/1]).
-export([read_body/2, put_private/3, register_before_send/2, put_resp_cookie/3]).
-export([inform/3, send_resp/3, send_chunked/2, chunk/2, halt/1]).

-define(COWBOY, 'Elixir.Plug.Cowboy.Conn').

get_http_protocol(#{adapter := {_, #{version := Version}}}) -> Version.

get_peer_data(#{adapter := {_, #{peer := {Address, Port}}}}) ->
    #{address => Address, port => Port, ssl_cert => nil}.

get_sock_data(#{adapter := {Adapter, #{sock := {Address, Port}}}}) when Adapter =/= ?COWBOY ->
    #{address => Address, port => Port}.

get_ssl_data(#{adapter := {Adapter, _}}) when Adapter =/= ?COWBOY -> nil.

%% plug_cowboy asks Cowboy until it has more than it was asked for.
read_body(Conn = #{adapter := {?COWBOY, Req}}, Options) ->
    {_, Length} = lists:keyfind(length, 1, Options),
    {_, AtOnce} = lists:keyfind(read_length, 1, Options),
    {_, Period} = lists:keyfind(read_timeout, 1, Options),
    read(Conn, Req, Length, #{length => AtOnce, period => Period}, <<>>);
%% Bandit returns what has come within the time on HTTP/2,
read_body(Conn = #{adapter := {_, Req = #{version := 'HTTP/2'}}}, Options) ->
    {_, Length} = lists:keyfind(length, 1, Options),
    {_, Period} = lists:keyfind(read_timeout, 1, Options),
    {More, Data, Read} = cowboy_req:read_body(Req, #{length => Length + 1, period => Period}),
    {More, Data, with_req(Conn, Read)};
%% and on HTTP/1.1 so many bytes, or the end.
read_body(Conn = #{adapter := {_, Req}}, Options) ->
    {_, Length} = lists:keyfind(length, 1, Options),
    {_, Period} = lists:keyfind(read_timeout, 1, Options),
    exactly(Conn, Req, max(1, Length), Period, maps:get(plug_buffer, Req, <<>>)).

read(Conn, Req, Length, _, Data) when Length < 0 ->
    {more, Data, with_req(Conn, Req)};
read(Conn, Req0, Length, Options, Before) ->
    case cowboy_req:read_body(Req0, Options) of
        {ok, Data, Req} -> {ok, <<Before/binary, Data/binary>>, with_req(Conn, Req)};
        {more, Data, Req} ->
            read(Conn, Req, Length - byte_size(Data), Options, <<Before/binary, Data/binary>>)
    end.

exactly(Conn, Req, Length, _, Buffer) when byte_size(Buffer) >= Length ->
    <<Data:Length/binary, Rest/binary>> = Buffer,
    {more, Data, with_req(Conn, Req#{plug_buffer => Rest})};
exactly(Conn, Req0, Length, Period, Buffer) ->
    case cowboy_req:read_body(Req0, #{length => 1, period => Period}) of
        {ok, Data, Req} when byte_size(Buffer) + byte_size(Data) > Length ->
            exactly(Conn, Req, Length, Period, <<Buffer/binary, Data/binary>>);
        {ok, Data, Req} ->
            {ok, <<Buffer/binary, Data/binary>>, with_req(Conn, Req#{plug_buffer => <<>>})};
        {more, <<>>, _} ->
            error(read_timeout);
        {more, Data, Req} ->
            exactly(Conn, Req, Length, Period, <<Buffer/binary, Data/binary>>)
    end.

with_req(Conn = #{adapter := {Adapter, _}}, Req) -> Conn#{adapter := {Adapter, Req}}.

put_private(Conn = #{private := Private}, Key, Value) -> Conn#{private := Private#{Key => Value}}.

register_before_send(Conn = #{state := unset, before_send := Hooks}, Hook) ->
    Conn#{before_send := [Hook | Hooks]}.

put_resp_cookie(Conn = #{resp_cookies := Cookies}, Name, Value) ->
    Conn#{resp_cookies := Cookies#{Name => Value}}.

halt(Conn) -> Conn#{halted := true}.

inform(Conn = #{state := unset, adapter := {_, Req}}, Code, Headers) ->
    ok = cowboy_req:inform(Code, maps:from_list(Headers), Req),
    Conn.

send_resp(Conn0 = #{state := unset}, Code, Body) ->
    Conn = #{adapter := {Adapter, Req0}} = before_send(Conn0#{status := Code}),
    Req = cowboy_req:reply(Code, #{}, Body, with_headers(Conn, Req0)),
    Conn#{adapter := {Adapter, Req}, state := sent}.

send_chunked(Conn0 = #{state := unset}, Code) ->
    Conn = #{adapter := {Adapter, Req0}} = before_send(Conn0#{status := Code}),
    Req = cowboy_req:stream_reply(Code, #{}, with_headers(Conn, Req0)),
    Conn#{adapter := {Adapter, Req}, state := chunked}.

%% The hooks, the latest one first; then the cookies.
before_send(Conn = #{before_send := Hooks}) ->
    After = #{resp_cookies := Cookies, resp_headers := Headers} =
        lists:foldl(fun(Hook, Before) -> Hook(Before) end, Conn, Hooks),
    After#{resp_headers := Headers ++ [{<<"set-cookie">>, <<Name/binary, "=", Value/binary>>}
        || {Name, Value} <- maps:to_list(Cookies)]}.

%% Several of a name are joined, as plug_cowboy has it. Newer Cowboys take no set-cookie among them.
with_headers(#{resp_headers := Headers}, Req) ->
    {Cookies, Others} = lists:partition(fun({Name, _}) -> Name =:= <<"set-cookie">> end, Headers),
    Numbered = lists:zip(lists:seq(1, length(Cookies)), [Cookie || {_, Cookie} <- Cookies]),
    Joined = lists:foldl(fun({Name, Value}, Fields) ->
        maps:update_with(Name, fun(Before) -> [Before, ", ", Value] end, Value, Fields)
    end, #{}, Others),
    Req#{resp_headers => Joined, resp_cookies => maps:from_list(Numbered)}.

%% plug_cowboy's never fails: Cowboy ends the process. Bandit's does.
chunk(Conn = #{state := chunked}, Data) ->
    case iolist_size(Data) of
        0 -> {ok, Conn};
        _ -> chunk(Conn, Data, maps:get(adapter, Conn))
    end.

chunk(Conn, Data, {?COWBOY, Req}) ->
    ok = cowboy_req:stream_body(Data, nofin, Req),
    {ok, Conn};
chunk(Conn, Data, {_, Req = #{pid := Connection}}) ->
    Monitor = erlang:monitor(process, Connection),
    cowboy_req:cast({data, self(), nofin, Data}, Req),
    receive
        {data_ack, Connection} -> true = erlang:demonitor(Monitor, [flush]), {ok, Conn};
        {'EXIT', Connection, _} -> true = erlang:demonitor(Monitor, [flush]), {error, closed};
        {'DOWN', Monitor, process, _, _} -> {error, closed}
    end.
