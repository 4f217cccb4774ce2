%% What an app in Erlang is given to begin with, without a request.
-module(gwport_gateway_tests).

-include_lib("eunit/include/eunit.hrl").

text_is_utf8_test() ->
    ?assertEqual({404, [{<<"content-type">>, <<"text/plain; charset=utf-8">>}], <<"n\xc3\xa9e"/utf8>>},
        gwport_gateway:text(404, ["n", [16#c3, 16#a9], "e"])),
    ?assertEqual({200, [{<<"content-type">>, <<"text/plain; charset=utf-8">>}], <<16#c3, 16#a9>>},
        gwport_gateway:text(200, [16#e9])).

the_first_middleware_is_the_outermost_test() ->
    App = gwport_gateway:chain(fun(Environ) -> [app | Environ] end, [around(first), around(second)]),
    ?assertEqual([{first, {second, [app, {second, in}, {first, in}]}}], [App([])]),
    Alone = fun(Environ) -> Environ end,
    ?assertEqual(Alone, gwport_gateway:chain(Alone, [])).

around(Name) ->
    fun(App) -> fun(Environ) -> {Name, App([{Name, in} | Environ])} end end.

%% As it stands there.
the_app_of_the_page_works_test() ->
    Root = filename:dirname(filename:dirname(proplists:get_value(source, gwport_gateway:module_info(compile)))),
    {ok, Page} = file:read_file(filename:join([Root, "erlang", "doc", "gateway.md"])),
    {match, [Source]} = re:run(Page, "```erlang\n(-module\\(greeting\\).*?)```", [dotall, {capture, [1], list}]),
    {ok, greeting, Beam, []} = compile:forms(forms(Source), [return, warnings_as_errors]),
    {module, greeting} = code:load_binary(greeting, "greeting.erl", Beam),
    Post = #{<<"REQUEST_METHOD">> => <<"POST">>},
    ?assertMatch({200, _, <<"hello, you\n">>}, greeting:app(Post#{<<"gwport.input">> => input([<<"you">>])})),
    ?assertMatch({413, _, _}, greeting:app(Post#{<<"gwport.input">> => input([binary:copy(<<"x">>, 1000001)])})),
    {200, _, {Next, State}} = greeting:app(#{<<"REQUEST_METHOD">> => <<"GET">>}),
    ?assertEqual(<<"10\n9\n8\n7\n6\n5\n4\n3\n2\n1\nlift-off\n">>, iolist_to_binary(blocks(Next(State), Next))),
    true = code:delete(greeting),
    false = code:purge(greeting).

forms(Source) ->
    {ok, Tokens, _} = erl_scan:string(Source),
    forms(Tokens, []).

forms([], []) -> [];
forms([Dot = {dot, _} | Rest], Form) ->
    {ok, Parsed} = erl_parse:parse_form(lists:reverse(Form, [Dot])),
    [Parsed | forms(Rest, [])];
forms([Token | Rest], Form) -> forms(Rest, [Token | Form]).

blocks({continue, Block, State}, Next) -> [Block | blocks(Next(State), Next)];
blocks({stop, Block}, _) -> Block.

what_is_changed_of_a_response_may_come_later_test() ->
    Change = fun({Status, Headers, Body}) -> {Status, [changed | Headers], Body} end,
    ?assertEqual({200, [changed], <<>>}, gwport_gateway:then({200, [], <<>>}, Change)),
    put(results, [none, wait, {200, [], <<>>}]),
    Deferred = gwport_gateway:then(fun() -> [Result | Rest] = get(results), put(results, Rest), Result end, Change),
    ?assertEqual([none, wait, {200, [changed], <<>>}], [Deferred(), Deferred(), Deferred()]).

%% Bodies of all forms: what there is of blocks, and whether the last one comes with the end.
bodies() ->
    Close = fun() -> ok end,
    [{Blocks, Last, Body} || {Blocks, Last} <- [{[<<"a">>, <<"b">>], with}, {[<<"a">>, <<"b">>], before},
            {[<<"a">>], with}, {[], before}], Body <- [{next(Last), Blocks}, {next(Last), Blocks, Close}]]
        ++ [{[<<"ab">>], with, [<<"a">>, $b]}].

next(with) -> fun([Block]) -> {stop, Block}; ([Block | Rest]) -> {continue, Block, Rest} end;
next(before) -> fun([]) -> stop; ([Block | Rest]) -> {continue, Block, Rest} end.

said({Next, State, Close}) -> true = is_function(Close, 0), said({Next, State});
said({Next, State}) ->
    case Next(State) of
        {continue, Block, After} -> [iolist_to_binary(Block) | said({Next, After})];
        {stop, Block} -> [iolist_to_binary(Block)];
        stop -> []
    end;
said(Body) -> [iolist_to_binary(Body)].

each_block_of_a_body_is_changed_test_() ->
    Twice = fun(Block) -> [Block, Block] end,
    [?_assertEqual([<<Block/binary, Block/binary>> || Block <- Blocks], said(gwport_gateway:map_body(Twice, Body)))
        || {Blocks, _, Body} <- bodies()].

a_body_is_framed_once_test_() ->
    [[?_assertEqual(iolist_to_binary([$<, Blocks, $>]),
            iolist_to_binary(said(gwport_gateway:frame_body("<", Body, ">")))),
        ?_assertEqual(tuple_size(tuple(Body)), tuple_size(tuple(gwport_gateway:frame_body("<", Body, ">"))))]
        || {Blocks, _, Body} <- bodies()].

tuple(Body) when is_tuple(Body) -> Body;
tuple(_) -> {}.

headers_of_a_name_go_in_whatever_case_test() ->
    ?assertEqual([{<<"X-A">>, <<"3">>}], gwport_gateway:without(<<"Content-length">>,
        [{<<"content-length">>, <<"1">>}, {<<"X-A">>, <<"3">>}, {<<"Content-Length">>, <<"2">>}])).

a_body_is_read_up_to_its_limit_test_() ->
    [?_assertEqual(Read, gwport_gateway:read_body(#{<<"gwport.input">> => input(Pieces)}, Max))
        || {Max, Pieces, Read} <- [
            {0, [], {ok, <<>>}}, {0, [<<"a">>], {error, too_large}}, {1, [<<"a">>], {ok, <<"a">>}},
            {3, [<<"ab">>, <<"c">>], {ok, <<"abc">>}}, {2, [<<"ab">>, <<"c">>], {error, too_large}}]].

%% What a case has put there, a piece at a time, none of more bytes than asked for.
input(Pieces) ->
    Key = make_ref(),
    put(Key, Pieces),
    fun(Max) ->
        case get(Key) of
            [] -> eof;
            [Piece | Rest] -> put(Key, Rest), ?assert(byte_size(Piece) =< Max), {ok, Piece}
        end
    end.
